-- One row a device and UTC day on which anything arrived. Reads: batches, samples, trips, losses.
-- A batch is of the day of its first sample, a sample of its own, a trip of its start's; a gap counts on every day on
-- which its samples may lie, so that no such day looks whole.
with arrived as (
    select device, boot, seq, min(day) as day, min(octet_length(body)) as body_bytes
    from batches
    group by device, boot, seq
),
bodies as (
    select
        device, day, count(*) as got, sum(body_bytes) as body_bytes,
        sum(cast(ceil(body_bytes / 4096.0) as bigint)) as blocks
    from arrived
    group by device, day
),
held as (
    select device, day, count(*) as samples
    from samples
    group by device, day
),
driven as (
    select
        device, day, count(*) as trips, sum(minutes) as minutes, sum(km) as km, sum(kwh) as kwh, sum(harsh) as harsh
    from trips
    group by device, day
),
days as (
    select device, day from bodies
    union
    select device, day from held
    union
    select device, day from driven
),
lost as (
    select days.device, days.day, sum(losses.batches) as lost
    from days
    inner join losses
        on days.device = losses.device
        and losses.earliest_us < (unix_date(days.day) + 1) * 86400000000
        and losses.latest_us >= unix_date(days.day) * 86400000000
    group by days.device, days.day
)
select
    days.device,
    days.day,
    coalesce(driven.trips, 0) as trips,
    coalesce(driven.minutes, 0.0) as minutes,
    driven.km,
    driven.kwh,
    cast(coalesce(driven.harsh, 0) as bigint) as harsh,
    coalesce(held.samples, 0) as samples,
    coalesce(bodies.got, 0) as got,
    cast(coalesce(lost.lost, 0) as bigint) as lost,
    cast(coalesce(bodies.got, 0) as double) / nullif(coalesce(bodies.got, 0) + coalesce(lost.lost, 0), 0) as completeness,
    cast(coalesce(bodies.body_bytes, 0) as bigint) as body_bytes,
    cast(coalesce(bodies.blocks, 0) as bigint) as blocks
from days
left join bodies on days.device = bodies.device and days.day = bodies.day
left join held on days.device = held.device and days.day = held.day
left join driven on days.device = driven.device and days.day = driven.day
left join lost on days.device = lost.device and days.day = lost.day

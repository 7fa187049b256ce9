-- Trips: a run of the speed's samples without a pause of `setting.pause_us`, in which the car moved.
-- Reads: samples, batches, firings, roles, losses, setting, harsh_rules. A trip is of the day of its start. Boots share
-- one where the pause between them is shorter, as when the agent restarts while the car drives; it names the first.
with readings as (
    select
        samples.device, roles.role,
        2 * roles.rank + case samples.agg when 'last' then 0 else 1 end as rank,
        unix_micros(samples.t) as us,
        min(samples.day) as day,
        min(samples.boot) as boot,
        max(samples.value * roles.factor) as value
    from samples
    inner join roles on samples.signal = roles.signal
    where
        samples.value is not null and samples.agg in ('last', 'mean')
        and roles.role in ('speed', 'odometer', 'power', 'latitude', 'longitude')
    group by samples.device, roles.role, roles.rank, samples.agg, samples.t
),
speeds as (
    select device, us, min(day) as day, min(boot) as boot, max(abs(value)) as kmh
    from readings
    where role = 'speed'
    group by device, us
),
fresh as (
    select
        speeds.device, speeds.us, speeds.day, speeds.boot, speeds.kmh,
        case
            when speeds.us - lag(speeds.us) over (partition by speeds.device order by speeds.us) < setting.pause_us then 0
            else 1
        end as starts
    from speeds
    cross join setting
),
runs as (
    select device, us, day, boot, kmh, sum(starts) over (partition by device order by us) as run
    from fresh
),
moved as (
    select
        runs.device, runs.run, min(runs.us) as from_us, max(runs.us) as to_us, min(runs.day) as day,
        min_by(runs.boot, runs.us) as boot
    from runs
    cross join setting
    group by runs.device, runs.run, setting.moving_kmh
    having max(runs.kmh) >= setting.moving_kmh
),
-- Every day on which a trip has samples: what joins go by, so that no trip meets a sample of another day.
trip_days as (
    select moved.device, moved.run, moved.from_us, moved.to_us, runs.day
    from moved
    inner join runs on moved.device = runs.device and moved.run = runs.run
    group by moved.device, moved.run, moved.from_us, moved.to_us, runs.day
),
on_trips as (
    select
        trip_days.device, trip_days.run, readings.role, readings.rank, readings.us, readings.value,
        min(readings.rank) over (partition by trip_days.device, trip_days.run, readings.role) as best
    from readings
    inner join trip_days
        on readings.device = trip_days.device and readings.day = trip_days.day
        and readings.us between trip_days.from_us and trip_days.to_us
),
steps as (
    select
        device, run, role, us, value,
        lag(us) over (partition by device, run, role order by us) as us_before,
        lag(value) over (partition by device, run, role order by us) as value_before
    from on_trips
    where rank = best
),
odometers as (
    select
        device, run,
        min(us) as from_us,
        max(us) as to_us,
        max(value) - min(value) as km,
        min(case when value > value_before then value - value_before end) as step_km
    from steps
    where role = 'odometer'
    group by device, run
),
-- An odometer is believed where its step is small beside what it says (of one with whole kilometres a short trip is
-- mere luck), and no more than 400 km/h: a counter that says `not available` jumps to its end.
believed as (
    select device, run, from_us, to_us, km
    from odometers
    where km > 0 and step_km <= 0.02 * km and km <= 400.0 * (to_us - from_us) / 3600000000
),
-- The area below the speed and the power; a silence is not driven through.
areas as (
    select
        steps.device, steps.run, steps.role,
        coalesce(max(case when steps.role = 'speed' then abs(steps.value) end), 0) as max_kmh,
        count(steps.us_before) as stretches,
        sum(
            case
                when steps.us - steps.us_before > setting.silence_us then 0.0
                when steps.role = 'speed' then (abs(steps.value) + abs(steps.value_before)) / 2
                else (steps.value + steps.value_before) / 2
            end * (steps.us - steps.us_before) / 3600000000
        ) as area,
        -- What was driven before the odometer's first sample and after its last.
        sum(
            case
                when steps.us - steps.us_before > setting.silence_us then 0.0
                when steps.us <= believed.from_us or steps.us_before >= believed.to_us
                    then (abs(steps.value) + abs(steps.value_before)) / 2
                else 0.0
            end * (steps.us - steps.us_before) / 3600000000
        ) as edges
    from steps
    cross join setting
    left join believed on steps.device = believed.device and steps.run = believed.run
    where steps.role in ('speed', 'power')
    group by steps.device, steps.run, steps.role
),
-- Latitude and longitude may come in two messages: what lies in one second is one place.
places as (
    select
        device, run, us - us % 1000000 as us,
        radians(avg(case when role = 'latitude' then value end)) as latitude,
        radians(avg(case when role = 'longitude' then value end)) as longitude
    from steps
    where role in ('latitude', 'longitude')
    group by device, run, us - us % 1000000
),
hops as (
    select
        device, run, latitude, longitude,
        lag(latitude) over (partition by device, run order by us) as latitude_before,
        lag(longitude) over (partition by device, run order by us) as longitude_before
    from places
    where latitude is not null and longitude is not null and (latitude <> 0 or longitude <> 0)
),
flown as (
    select
        device, run,
        sum(
            2 * 6371.0088 * asin(least(1.0, sqrt(
                power(sin((latitude - latitude_before) / 2), 2)
                + cos(latitude) * cos(latitude_before) * power(sin((longitude - longitude_before) / 2), 2)
            )))
        ) as km
    from hops
    where latitude_before is not null
    group by device, run
),
held as (
    select trip_days.device, trip_days.run, count(*) as samples
    from samples
    inner join trip_days
        on samples.device = trip_days.device and samples.day = trip_days.day
        and unix_micros(samples.t) between trip_days.from_us and trip_days.to_us
    group by trip_days.device, trip_days.run
),
events as (
    select distinct firings.device, firings.rule, firings.day, unix_micros(firings.fired) as us
    from firings
    inner join harsh_rules on firings.rule = harsh_rules.rule
    where firings.kind = 'event'
),
harsh as (
    select trip_days.device, trip_days.run, count(*) as harsh
    from events
    inner join trip_days
        on events.device = trip_days.device and events.day = trip_days.day
        and events.us between trip_days.from_us and trip_days.to_us
    group by trip_days.device, trip_days.run
),
-- A batch is of the day of its first sample, which may be the one before a trip's.
batch_days as (
    select device, run, from_us, to_us, day from trip_days
    union
    select device, run, from_us, to_us, day - 1 as day from trip_days
),
arrived as (
    select device, boot, seq, min(day) as day, min(unix_micros(opened)) as from_us, max(unix_micros(closed)) as to_us
    from batches
    group by device, boot, seq
),
got as (
    select batch_days.device, batch_days.run, count(*) as got
    from arrived
    inner join batch_days
        on arrived.device = batch_days.device and arrived.day = batch_days.day
        and arrived.from_us <= batch_days.to_us and arrived.to_us >= batch_days.from_us
    group by batch_days.device, batch_days.run
),
-- A gap less than a pause away could have been a part of the trip.
lost as (
    select moved.device, moved.run, sum(losses.batches) as lost
    from moved
    cross join setting
    inner join losses
        on moved.device = losses.device
        and losses.earliest_us < moved.to_us + setting.pause_us and losses.latest_us > moved.from_us - setting.pause_us
    group by moved.device, moved.run
),
figures as (
    select
        moved.device, moved.run, moved.from_us, moved.to_us, moved.day, moved.boot,
        (moved.to_us - moved.from_us) / 60000000.0 as minutes,
        case
            when believed.km is not null then believed.km + driven.edges
            when driven.stretches > 0 and driven.area > 0 then driven.area
            when flown.km > 0 then flown.km
        end as km,
        case
            when believed.km is not null then 'odometer'
            when driven.stretches > 0 and driven.area > 0 then 'speed'
            when flown.km > 0 then 'position'
        end as km_source,
        case when used.stretches > 0 then used.area end as kwh,
        driven.max_kmh,
        coalesce(harsh.harsh, 0) as harsh,
        held.samples,
        coalesce(got.got, 0) as got,
        coalesce(lost.lost, 0) as lost
    from moved
    inner join areas as driven
        on moved.device = driven.device and moved.run = driven.run and driven.role = 'speed'
    inner join held on moved.device = held.device and moved.run = held.run
    left join areas as used on moved.device = used.device and moved.run = used.run and used.role = 'power'
    left join believed on moved.device = believed.device and moved.run = believed.run
    left join flown on moved.device = flown.device and moved.run = flown.run
    left join harsh on moved.device = harsh.device and moved.run = harsh.run
    left join got on moved.device = got.device and moved.run = got.run
    left join lost on moved.device = lost.device and moved.run = lost.run
)
select
    device,
    cast((from_us - from_us % 1000) / 1000 as bigint) as trip,
    boot,
    timestamp_micros(from_us) as started,
    timestamp_micros(to_us) as ended,
    minutes,
    km,
    km_source,
    kwh,
    km * 60 / nullif(minutes, 0) as mean_kmh,
    max_kmh,
    harsh,
    samples,
    got,
    cast(lost as bigint) as lost,
    cast(got as double) / nullif(got + lost, 0) as completeness,
    day
from figures

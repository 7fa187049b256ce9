-- Samples from the payloads of batches, each batch once: the oracle of the decoder in Python, and too slow to be one.
-- Reads: payloads, the fields of a payload as columns, nested as they are in its JSON.
with columns_of as (
    select device, boot, seq, rule, explode(columns) as c
    from payloads
    where schema = 'columns/1'
),
lists as (
    select
        device, boot, seq, rule, c, sequence(1, size(c.dt)) as place,
        c.dt as dt, c.raw as raw, c.val as val, c.str as str
    from columns_of
    where size(c.dt) > 0
),
numbers as (
    select device, boot, seq, rule, c, explode(arrays_zip(place, dt, raw, val, str)) as e
    from lists
),
sums as (
    select
        device, boot, seq, rule, c.name as signal, c.unit as unit, c.agg as agg, c.max_error as max_error,
        c.factor as factor, c.offset as shift, c.tu as tu, e.str as text,
        c.t0 + sum(e.dt) over (partition by device, boot, seq, c.name, c.agg order by e.place) as ticks,
        sum(e.raw) over (partition by device, boot, seq, c.name, c.agg order by e.place) as raw,
        e.val as val
    from numbers
),
scaled as (
    select
        device, boot, seq, rule, signal, unit, agg, max_error, text,
        -- A double holds ns to 256 of them: what is rounded is a whole number of us already.
        cast(case tu
            when 'ms' then ticks * 1000
            when 'us' then ticks
            else round((ticks - ticks % 1000) / 1000)
        end as bigint) as us,
        coalesce(cast(raw as double), val, cast(text as double)) * factor + shift as value
    from sums
),
hot_rows as (
    select device, boot, seq, rule, explode(rows) as r
    from payloads
    where schema = 'rows/1'
),
hot as (
    select device, boot, seq, rule, r.t as ms, r.agg as agg, explode(map_entries(r.signals)) as s
    from hot_rows
),
both_lanes as (
    select device, boot, seq, rule, signal, unit, agg, max_error, us, value, text
    from scaled
    union all
    select
        device, boot, seq, rule, s.key as signal, '' as unit, agg, cast(null as double) as max_error,
        ms * 1000 as us, s.value as value, cast(null as string) as text
    from hot
)
select
    device, boot, seq, rule, signal, unit, agg, max_error,
    timestamp_micros(us) as t,
    -- Neither infinities nor what is no number: both engines hold that to be the greatest.
    case when abs(value) <= 1.7976931348623157e308 then value end as value,
    text,
    date '1970-01-01' + cast(floor(us / 86400000000.0) as int) as day
from both_lanes

-- The newest sample of each signal. Reads: samples. Of several at one instant the one that names its unit, then the
-- one of the latest batch; aggregates of a window say what was, not what is.
with newest as (
    select device, signal, max(t) as t
    from samples
    where agg = 'last'
    group by device, signal
),
candidates as (
    select
        samples.device, samples.signal, samples.unit, samples.t, samples.value, samples.text,
        row_number() over (
            partition by samples.device, samples.signal
            order by
                case when samples.unit = '' then 1 else 0 end,
                samples.boot desc, samples.seq desc, samples.rule, samples.value desc
        ) as choice
    from samples
    inner join newest
        on samples.device = newest.device and samples.signal = newest.signal and samples.t = newest.t
    where samples.agg = 'last'
)
select device, signal, unit, t, value, text
from candidates
where choice = 1

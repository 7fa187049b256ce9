-- The newest sample of each signal. Reads: samples, batches, setting. Of several at one instant the one that names its
-- unit, then the one of the latest batch; aggregates of a window say what was, not what is.
--
-- A clock may be wrong. A sample that lies later than its batch's arrival, by more than `setting.ahead_us`, was not taken
-- then, and nobody knows when: it is told as of 1970, a second later for each boot and a microsecond for each batch. So it
-- stands only where nothing better is there, whichever came first, and of several such the latest boot's does. Where no
-- arrival is told, `setting.made_us` is taken for it: what lies in the future of whoever looks.
--
-- `clock` is not asked. An `unsynced` one that is behind (in 1970, or where the last drive ended) is put in its place by
-- its own time, one that a battery kept is right though nobody said so, one that is ahead meets the rule above. Were they
-- all put last, a vehicle whose clock somebody set once would be known as of that day for good.
with of_batches as (
    select device, signal, boot, seq, max(t) as told
    from samples
    where agg = 'last'
    group by device, signal, boot, seq
),
-- Few: a header cuts its times off to milliseconds.
ahead as (
    select
        batches.device, batches.boot, batches.seq,
        min(coalesce(unix_micros(batches.enqueued), setting.made_us) + setting.ahead_us) as latest_us
    from batches
    cross join setting
    where
        unix_micros(batches.closed) + 1000
        > coalesce(unix_micros(batches.enqueued), setting.made_us) + setting.ahead_us
    group by batches.device, batches.boot, batches.seq
),
timed as (
    select
        of_batches.device, of_batches.signal, of_batches.boot, of_batches.seq, of_batches.told,
        case
            when unix_micros(of_batches.told) > ahead.latest_us
                then timestamp_micros(least(of_batches.boot, 100000000) * 1000000 + least(of_batches.seq, 999999))
            else of_batches.told
        end as t
    from of_batches
    left join ahead
        on of_batches.device = ahead.device and of_batches.boot = ahead.boot and of_batches.seq = ahead.seq
),
newest as (
    select device, signal, max(t) as t
    from timed
    group by device, signal
),
candidates as (
    select
        samples.device, samples.signal, samples.unit, timed.t, samples.value, samples.text,
        row_number() over (
            partition by samples.device, samples.signal
            order by
                case when samples.unit = '' then 1 else 0 end,
                samples.boot desc, samples.seq desc, samples.rule, samples.value desc
        ) as choice
    from newest
    inner join timed
        on newest.device = timed.device and newest.signal = timed.signal and newest.t = timed.t
    inner join samples
        on
            timed.device = samples.device and timed.signal = samples.signal and timed.boot = samples.boot
            and timed.seq = samples.seq and timed.told = samples.t
    where samples.agg = 'last'
)
select device, signal, unit, t, value, text
from candidates
where choice = 1

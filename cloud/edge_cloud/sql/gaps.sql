-- Every number of every boot that did not arrive, as ranges with one place and one reason each.
-- Reads: batches, evictions. What arrived has arrived, whatever a range says; of several ranges that name a number the
-- narrowest gives the reason, of equally narrow ones the first by the alphabet.
with seen as (
    select device, boot, seq, min(opened) as opened, max(closed) as closed
    from batches
    group by device, boot, seq
),
-- The highest number that is known to have been: it arrived, the boot after it tells it, or a range names it.
known as (
    select device, boot, max(seq) as last_seq
    from (
        select device, boot, seq from seen
        union all
        select device, prev_boot as boot, prev_last_seq as seq from batches where prev_last_seq is not null
        union all
        select device, lost_boot as boot, to_seq as seq from evictions
    ) as numbers
    group by device, boot
),
-- What arrived, and one fence beyond the last number.
fenced as (
    select device, boot, seq, true as arrived, opened, closed from seen
    union all
    select device, boot, last_seq + 1 as seq, false as arrived, null as opened, null as closed from known
),
-- Logs of frames have no times: their neighbours' stand for theirs.
counted as (
    select
        device, boot, seq, arrived, opened, closed,
        count(closed) over (partition by device, boot order by seq) as closed_below,
        count(opened) over (partition by device, boot order by seq desc) as opened_above
    from fenced
),
timed as (
    select
        device, boot, seq, arrived,
        max(closed) over (partition by device, boot, closed_below) as last_closed,
        max(opened) over (partition by device, boot, opened_above) as next_opened
    from counted
),
between_neighbours as (
    select
        device, boot,
        coalesce(lag(seq) over (partition by device, boot order by seq) + 1, 0) as from_seq,
        seq - 1 as to_seq,
        case
            when arrived then 'middle'
            when lag(seq) over (partition by device, boot order by seq) is null then 'boot'
            else 'tail'
        end as place,
        lag(last_closed) over (partition by device, boot order by seq) as after_it,
        next_opened as before_it
    from timed
),
holes as (
    select device, boot, from_seq, to_seq, place, after_it, before_it
    from between_neighbours
    where from_seq <= to_seq
),
told as (
    select distinct device, lost_boot as boot, from_seq, to_seq, why
    from evictions
),
-- Where a range begins or ends inside a hole, the hole is cut.
cuts as (
    select device, boot, from_seq as hole, from_seq as cut from holes
    union
    select holes.device, holes.boot, holes.from_seq as hole, told.from_seq as cut
    from holes
    inner join told on holes.device = told.device and holes.boot = told.boot
    where told.from_seq > holes.from_seq and told.from_seq <= holes.to_seq
    union
    select holes.device, holes.boot, holes.from_seq as hole, told.to_seq + 1 as cut
    from holes
    inner join told on holes.device = told.device and holes.boot = told.boot
    where told.to_seq >= holes.from_seq and told.to_seq < holes.to_seq
),
pieces as (
    select
        holes.device, holes.boot, holes.from_seq as hole, holes.place, holes.after_it, holes.before_it,
        cuts.cut as from_seq,
        coalesce(
            lead(cuts.cut) over (partition by holes.device, holes.boot, holes.from_seq order by cuts.cut) - 1,
            holes.to_seq
        ) as to_seq
    from holes
    inner join cuts on holes.device = cuts.device and holes.boot = cuts.boot and holes.from_seq = cuts.hole
),
reasons as (
    select
        pieces.device, pieces.boot, pieces.hole, pieces.place, pieces.after_it, pieces.before_it,
        pieces.from_seq, pieces.to_seq,
        coalesce(told.why, 'unknown') as why,
        row_number() over (
            partition by pieces.device, pieces.boot, pieces.from_seq
            order by told.to_seq - told.from_seq, told.why
        ) as choice
    from pieces
    left join told
        on pieces.device = told.device and pieces.boot = told.boot
        and told.from_seq <= pieces.from_seq and told.to_seq >= pieces.to_seq
),
changes as (
    select
        device, boot, hole, place, after_it, before_it, from_seq, to_seq, why,
        case
            when why = lag(why) over (partition by device, boot, hole order by from_seq) then 0
            else 1
        end as changed
    from reasons
    where choice = 1
),
islands as (
    select
        device, boot, hole, place, after_it, before_it, from_seq, to_seq, why,
        sum(changed) over (partition by device, boot, hole order by from_seq) as island
    from changes
)
select
    device, boot,
    min(from_seq) as from_seq,
    max(to_seq) as to_seq,
    max(to_seq) - min(from_seq) + 1 as batches,
    max(place) as place,
    max(why) as why,
    max(after_it) as after,
    max(before_it) as before
from islands
group by device, boot, hole, island

-- How much of every boot arrived. Reads: batches, gaps. A boot of which nothing arrived stands here too.
with numbers as (
    select
        device, boot, min(opened) as opened, max(closed) as closed, seq as last_seq, 1 as got, 0 as lost, 0 as told
    from batches
    group by device, boot, seq
    union all
    select
        device, boot, null as opened, null as closed, to_seq as last_seq, 0 as got, batches as lost,
        case when why = 'unknown' then 0 else batches end as told
    from gaps
)
select
    device, boot,
    min(opened) as first,
    max(closed) as last,
    max(last_seq) as last_seq,
    cast(sum(got) as bigint) as got,
    cast(sum(lost) as bigint) as lost,
    cast(sum(told) as bigint) as told,
    cast(sum(got) as double) / sum(got + lost) as completeness
from numbers
group by device, boot

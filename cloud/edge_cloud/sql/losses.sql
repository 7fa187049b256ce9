-- Where in time the samples of each gap may lie: what trips and days are told of it. No gold table of its own.
-- Reads: gaps, completeness. Between two batches of a boot: from the last sample of the one to the first of the other,
-- in either order, since a batch of a slow rule opens long before it is sealed. A tail lies where its boot broke off:
-- the car may have stood for days after it. A boot of which nothing came: between the boots around it.
with around as (
    select
        device, boot,
        max(last) over (
            partition by device order by boot rows between unbounded preceding and 1 preceding
        ) as boot_before,
        min(first) over (
            partition by device order by boot rows between 1 following and unbounded following
        ) as boot_after
    from completeness
),
ends as (
    select
        gaps.device, gaps.boot, gaps.from_seq, gaps.batches, gaps.place,
        unix_micros(coalesce(gaps.after, gaps.before, around.boot_before, around.boot_after)) as one_us,
        unix_micros(coalesce(gaps.before, gaps.after, around.boot_after, around.boot_before)) as other_us
    from gaps
    inner join around on gaps.device = around.device and gaps.boot = around.boot
)
select
    device, boot, from_seq, batches, place,
    least(one_us, other_us) as earliest_us,
    greatest(one_us, other_us) as latest_us
from ends

-- The steps of cloud/asa/hot.asaql, by the same names, in DuckDB; of an area only its box. `hot` has a row a message that
-- came, in the order of `came`.
with once as (
    select device, boot, seq, rule, kind, fired_ms, "rows"
    from hot
    where "schema" = 'rows/1'
    qualify lag(seq) over (partition by device, boot, seq order by came) is null
),
told as (
    select device, one.t as ms, one.signals as signals
    from (select device, unnest("rows") as one from once)
    where one.agg = 'last'
),
samples as (
    select told.device, told.ms, roles.role, pair.value * roles.factor as value
    from (select device, ms, unnest(map_entries(signals)) as pair from told) as told
    inner join roles on roles.signal = pair.key
),
harsh as (
    select device, 'harsh' as alert, rule as what, unnest(fired_ms) as ms, cast(null as double) as value
    from once
    where kind = 'event' and instr(lower(rule), 'harsh') > 0
),
harsh_once as (
    select distinct device, alert, what, ms, value from harsh
),
low as (
    select device, 'low' as alert, samples.role as what, ms, value
    from (select *, lag(value) over (partition by device, role order by ms) as before from samples) as samples
    inner join limits on limits.role = samples.role
    where value < low and coalesce(before, low) >= low
),
places as (
    select
        device, max(ms) as ms,
        max(case when role = 'latitude' then value end) as latitude,
        max(case when role = 'longitude' then value end) as longitude
    from samples
    where role in ('latitude', 'longitude')
    group by device, ms // 1000
),
fences as (
    select
        places.device, zones.zone, places.ms,
        cast(latitude between south and north and longitude between west and east as int) as inside
    from places
    inner join vehicles on vehicles.device = places.device
    inner join zones on zones.fleet = vehicles.fleet
    where latitude is not null and longitude is not null
),
crossed as (
    select
        device, case when inside = 1 then 'entered' else 'left' end as alert, zone as what, ms,
        cast(null as double) as value
    from (select *, lag(inside) over (partition by device, zone order by ms) as before from fences)
    where before <> inside
),
often as (
    select device, 'often' as alert, 'harsh' as what, max(ms) as ms, cast(count(*) as double) as value
    from (
        select *, unnest(generate_series(0, 2)) as hop from harsh_once
    )
    group by device, -(-ms // 300000) + hop
    having count(*) >= 3
),
sessions as (
    select device, 'session' as alert, 'speed' as what, max(ms) as ms, max(value) as value
    from (
        select *, sum(begins) over (partition by device order by ms) as run
        from (
            select
                *,
                cast(coalesce(ms - lag(ms) over (partition by device order by ms) > 300000, true) as int) as begins
            from samples
            where role = 'speed'
        )
    )
    group by device, run
),
every as (
    select device, alert, what, ms, value from harsh_once
    union all select device, alert, what, ms, value from low
    union all select device, alert, what, ms, value from crossed
    union all select device, alert, what, ms, value from often
    union all select device, alert, what, ms, value from sessions
)
select device, alert, what, ms, value from every order by device, ms, alert, what

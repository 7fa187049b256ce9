-- What each measure of the model means, in the SQL of DuckDB; `measure: NAME` begins one.
-- Tables have the names of the model's, filtered as a report's filters would: `calendar` is `dates` unfiltered, and
-- `daily_of_any_day` is `daily` with no choice of dates. Columns are named with their table. A count of nothing is empty in
-- DAX, so it is here.

-- measure: Kilometres
select sum(daily.km) from daily

-- measure: Energy
select sum(daily.kwh) from daily

-- measure: Driving hours
select sum(daily.minutes) / 60 from daily

-- measure: Harsh events
select sum(daily.harsh) from daily

-- measure: Harsh events per 100 km
select sum(daily.harsh) / nullif(sum(daily.km), 0) * 100 from daily

-- measure: Vehicles active
select nullif(count(distinct daily.device), 0) from daily where daily.trips > 0

-- measure: Vehicles heard
select nullif(count(distinct daily.device), 0) from daily

-- measure: Vehicle days
select nullif(count(*), 0) from daily

-- measure: Samples arrived
select sum(daily.samples) from daily

-- measure: Megabytes
select sum(daily.body_bytes) / 1000000 from daily

-- measure: Blocks sent
select sum(daily.blocks) from daily

-- measure: Batches arrived
select sum(daily.got) from daily

-- measure: Batches lost
select sum(daily.lost) from daily

-- measure: Completeness %
select sum(daily.got) / nullif(sum(daily.got) + sum(daily.lost), 0) from daily

-- measure: Completeness note
select case
    when sum(daily.got) / nullif(sum(daily.got) + sum(daily.lost), 0) is null then 'No data'
    when sum(daily.lost) > 0 then format('{:,}', sum(daily.lost)::bigint) || ' batches lost: figures are of what arrived'
    else 'Complete'
end from daily

-- measure: Days with holes
select nullif(count(*), 0) from daily where daily.lost > 0

-- measure: Share of days with holes
select nullif(count(*) filter (where daily.lost > 0), 0) / nullif(count(*), 0) from daily

-- measure: Days outside the calendar
select nullif(count(*), 0) from daily_of_any_day where daily_of_any_day.day not in (select calendar.date from calendar)

-- measure: Number of trips
select nullif(count(*), 0) from trips

-- measure: Trip kilometres
select sum(trips.km) from trips

-- measure: Trip energy
select sum(trips.kwh) from trips

-- measure: Consumption
select sum(trips.kwh) / nullif(sum(trips.km), 0) * 100 from trips where trips.kwh is not null and trips.km is not null

-- measure: Highest speed
select max(trips.max_kmh) from trips

-- measure: Trips without kilometres
select nullif(count(*), 0) from trips where trips.km is null

-- measure: Trips with holes
select nullif(count(*), 0) from trips where trips.completeness < 1

-- measure: Trip completeness
select sum(trips.got) / nullif(sum(trips.got) + sum(trips.lost), 0) from trips

-- measure: Trip note
select case
    when count(*) = 0 then 'No trip'
    when sum(trips.lost) > 0 then format('{:,}', sum(trips.lost)::bigint) || ' batches lost: figures are of what arrived'
    else 'Complete'
end from trips

-- measure: Batches missing
select sum(gaps.batches) from gaps
where (select count(*) from dates) = (select count(*) from calendar)
    or (
        coalesce(greatest(gaps.after, gaps.before), (select min(dates.date) from dates)) >= (select min(dates.date) from dates)
        and coalesce(least(gaps.after, gaps.before), (select min(dates.date) from dates)) < (select max(dates.date) + 1 from dates)
    )

-- measure: Gaps
select nullif(count(*), 0) from gaps
where (select count(*) from dates) = (select count(*) from calendar)
    or (
        coalesce(greatest(gaps.after, gaps.before), (select min(dates.date) from dates)) >= (select min(dates.date) from dates)
        and coalesce(least(gaps.after, gaps.before), (select min(dates.date) from dates)) < (select max(dates.date) + 1 from dates)
    )

-- measure: Batches missing without a reason
select sum(gaps.batches) from gaps
where gaps.why = 'unknown'
    and (
        (select count(*) from dates) = (select count(*) from calendar)
        or (
            coalesce(greatest(gaps.after, gaps.before), (select min(dates.date) from dates)) >= (select min(dates.date) from dates)
            and coalesce(least(gaps.after, gaps.before), (select min(dates.date) from dates)) < (select max(dates.date) + 1 from dates)
        )
    )

-- measure: Batches missing without a time
select sum(gaps.batches) from gaps where gaps.after is null and gaps.before is null

-- measure: Batches missing in the trip
select sum(gaps.batches) from gaps
where (select count(distinct trips.trip) from trips) = 1
    and gaps.device in (select trips.device from trips)
    and greatest(gaps.after, gaps.before) >= (select min(trips.started) from trips)
    and least(gaps.after, gaps.before) <= (select max(trips.ended) from trips)

-- measure: Boots
select nullif(count(*), 0) from completeness

-- measure: Boots of which nothing arrived
select nullif(count(*), 0) from completeness where completeness.got = 0

-- measure: Completeness of all time
select sum(completeness.got) / nullif(sum(completeness.got) + sum(completeness.lost), 0) from completeness

-- measure: Losses with a reason
select sum(completeness.told) / nullif(sum(completeness.lost), 0) from completeness

-- measure: Last heard
select max(last_known.t) from last_known

-- measure: Signals known
select nullif(count(*), 0) from last_known

-- measure: Price of messages
select case when count(distinct costs.currency) = 1 then sum(costs.price) end from costs

-- measure: Currency of prices
select case
    when count(distinct costs.currency) = 1 then min(costs.currency)
    when count(*) > 0 then 'several currencies'
end from costs

-- measure: Price per vehicle and month
select case when count(distinct costs.currency) = 1 then sum(costs.price) / nullif(count(*), 0) end from costs

-- measure: Blocks metered
select sum(costs.blocks) from costs

-- measure: Messages sent
select sum(costs.messages) from costs

-- measure: Rows stored
select sum(costs.rows) from costs

-- measure: Fill of blocks
select sum(costs.body_bytes) / nullif(sum(costs.blocks) * 4096, 0) from costs

-- measure: Vehicles known
select nullif(count(*), 0) from vehicles

-- measure: Vehicles silent
select nullif(count(distinct vehicles.device), 0) from vehicles where vehicles.device not in (select daily.device from daily)

-- measure: Live, newest sample
select max(live.t) from live

-- measure: Live, vehicles
select nullif(count(distinct live.device), 0) from live

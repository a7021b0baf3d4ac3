-- Who came to a stage, from the one before or past it, is who the cohort's last month
-- has there; and who could come is who was at the stage before.
with

cells as (

    select
        *,
        row_number() over (
            partition by cohort_month, channel_id, stage_id
            order by months_since desc
        ) as number_from_last
    from {{ ref('kpi_cohort_conversion') }}

),

latest as (

    select * from cells where number_from_last = 1

),

stages as (

    select * from {{ ref('funnel_stages') }}

),

expected as (

    select
        destination.cohort_month,
        destination.channel_id,
        origin.stage_id as from_stage_id,
        destination.stage_id as to_stage_id,
        origin.reached as reached_from,
        destination.reached as reached_to
    from latest as destination
    -- many-to-one
    inner join stages on destination.stage_id = stages.stage_id
    -- one-to-one
    inner join latest as origin
        on stages.previous_stage_id = origin.stage_id
        and destination.cohort_month = origin.cohort_month
        and destination.channel_id = origin.channel_id

),

pairs as (

    select * from {{ ref('stage_conversion_by_cohort') }}

)

select
    coalesce(expected.cohort_month, pairs.cohort_month) as cohort_month,
    coalesce(expected.channel_id, pairs.channel_id) as channel_id,
    coalesce(expected.to_stage_id, pairs.to_stage_id) as to_stage_id,
    pairs.reached_from,
    pairs.converted,
    pairs.skipped
from expected
full outer join pairs
    on expected.cohort_month = pairs.cohort_month
    and expected.channel_id = pairs.channel_id
    and expected.from_stage_id = pairs.from_stage_id
    and expected.to_stage_id = pairs.to_stage_id
where
    coalesce(pairs.reached_from, -1) <> coalesce(expected.reached_from, -1)
    or coalesce(pairs.converted + pairs.skipped, -1)
    <> coalesce(expected.reached_to, -1)
    or pairs.converted > pairs.reached_from

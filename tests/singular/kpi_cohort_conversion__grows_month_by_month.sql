-- Who has reached a stage has reached it for good, no month is left out, and nobody
-- comes from outside the cohort.
with

steps as (

    select
        *,
        lag(reached) over (
            partition by cohort_month, channel_id, stage_id order by months_since
        ) as reached_before,
        lag(months_since) over (
            partition by cohort_month, channel_id, stage_id order by months_since
        ) as months_before
    from {{ ref('kpi_cohort_conversion') }}

)

select
    cohort_month,
    channel_id,
    stage_id,
    months_since,
    leads,
    reached,
    reached_before
from steps
where
    reached < coalesce(reached_before, 0)
    or reached > leads
    or months_since <> coalesce(months_before + 1, 0)

-- Every meeting that was judged and not qualified has one reason. Only while one
-- version of the KPI counts from the first day on.
with

definitions as (

    select * from {{ ref('dim_kpis') }}

),

single_versions as (

    select kpi_id
    from definitions
    where is_published and kpi_id = 'qualified_meeting_rate'
    group by kpi_id
    having
        count(*) = 1
        and min(effective_from) <= cast('{{ var("calendar_start") }}' as date)
        and min(effective_to) is null

),

kpis as (

    select
        period_grain,
        period_start,
        channel_id,
        denominator - numerator as meetings_rejected
    from {{ ref('kpi_by_channel_period') }}
    where basis = 'event' and kpi_id = 'qualified_meeting_rate'

),

reasons as (

    select
        period_grain,
        period_start,
        channel_id,
        sum(meetings_rejected) as meetings_rejected,
        max(meetings_rejected_all_reasons) as meetings_rejected_all_reasons
    from {{ ref('meeting_rejection_reasons') }}
    group by period_grain, period_start, channel_id

)

select
    coalesce(kpis.period_grain, reasons.period_grain) as period_grain,
    coalesce(kpis.period_start, reasons.period_start) as period_start,
    coalesce(kpis.channel_id, reasons.channel_id) as channel_id,
    kpis.meetings_rejected as published_meetings,
    reasons.meetings_rejected as meetings_with_a_reason
from kpis
-- one-to-one
full outer join reasons
    on kpis.period_grain = reasons.period_grain
    and kpis.period_start = reasons.period_start
    and kpis.channel_id = reasons.channel_id
where
    (select count(*) from single_versions) = 1
    and (
        coalesce(kpis.meetings_rejected, 0) <> coalesce(reasons.meetings_rejected, 0)
        or reasons.meetings_rejected <> reasons.meetings_rejected_all_reasons
    )

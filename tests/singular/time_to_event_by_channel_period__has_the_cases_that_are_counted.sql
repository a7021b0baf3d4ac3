{#-
    Nobody is lost on the way to a median: its cases are as many as a KPI counts of the
    same things, in every channel and period.
-#}
{%- set counted = [
    ('speed_to_lead', 'cases', 'cohort', 'leads_acquired', 'numerator'),
    ('speed_to_lead_business', 'cases', 'cohort', 'leads_acquired', 'numerator'),
    ('deal_cycle', 'finished', 'event', 'win_rate_of_closed', 'denominator'),
    ('deal_cycle', 'finished', 'cohort', 'win_rate_of_closed', 'denominator'),
] -%}
with

cases as (

    {% for distribution_id, count, basis, kpi_id, side in counted %}
    select
        '{{ kpi_id }}' as kpi_id,
        '{{ distribution_id }}' as distribution_id,
        basis,
        period_grain,
        period_start,
        channel_id,
        {{ count }} as quantity
    from {{ ref('time_to_event_by_channel_period') }}
    where distribution_id = '{{ distribution_id }}' and basis = '{{ basis }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

counts as (

    {% for distribution_id, count, basis, kpi_id, side in counted %}
    select
        kpi_id,
        '{{ distribution_id }}' as distribution_id,
        basis,
        period_grain,
        period_start,
        channel_id,
        {{ side }} as quantity
    from {{ ref('kpi_by_channel_period') }}
    where kpi_id = '{{ kpi_id }}' and basis = '{{ basis }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- of what several versions count, no single condition says what it is
kpis as (

    select kpi_id
    from {{ ref('dim_kpis') }}
    where is_published
    group by kpi_id
    having count(*) = 1 and min(effective_to) is null

)

select
    coalesce(cases.distribution_id, counts.distribution_id) as distribution_id,
    coalesce(cases.period_grain, counts.period_grain) as period_grain,
    coalesce(cases.period_start, counts.period_start) as period_start,
    coalesce(cases.channel_id, counts.channel_id) as channel_id,
    cases.quantity as cases,
    counts.quantity as counted
from cases
full outer join counts
    on cases.distribution_id = counts.distribution_id
    and cases.kpi_id = counts.kpi_id
    and cases.basis = counts.basis
    and cases.period_grain = counts.period_grain
    and cases.period_start = counts.period_start
    and cases.channel_id = counts.channel_id
where
    coalesce(cases.kpi_id, counts.kpi_id) in (select kpis.kpi_id from kpis)
    and coalesce(cases.quantity, 0) <> coalesce(counts.quantity, 0)

-- From one basis to the other to the last count, with the values that are published,
-- and for every month in which a KPI has both.
{%- set sides = ['numerator', 'denominator'] %}
with

both_bases as (

    select * from {{ ref('conversion_period_and_cohort') }}

),

published as (

    select
        kpi_id,
        channel_id,
        period_start,
        max(case when basis = 'event' then numerator end) as event_numerator,
        max(case when basis = 'cohort' then numerator end) as cohort_numerator,
        max(case when basis = 'event' then denominator end) as event_denominator,
        max(case when basis = 'cohort' then denominator end) as cohort_denominator
    from {{ ref('kpi_by_channel_period') }}
    -- a statistic has no numerator and is no sum of events
    where period_grain = 'month' and numerator is not null
    group by kpi_id, channel_id, period_start
    having count(distinct basis) = 2

)

{% for side in sides %}
select
    published.kpi_id,
    published.channel_id,
    '{{ side }}' as side,
    published.period_start
from published
-- one-to-one
left join both_bases
    on published.kpi_id = both_bases.kpi_id
    and published.channel_id = both_bases.channel_id
    and published.period_start = both_bases.month_start
where
    both_bases.kpi_id is null
    or published.cohort_{{ side }} <> coalesce(
        published.event_{{ side }}
        - both_bases.{{ side }}_carried_in
        - both_bases.{{ side }}_without_cohort
        + both_bases.{{ side }}_carried_out, -1
    )
{{ 'union all' if not loop.last }}
{% endfor %}

{#- Column by column: the contract names them; nothing else says what they hold. -#}
-- depends_on: {{ ref('funnel_by_channel_period') }}
{% set keys = ['period_grain', 'period_start', 'channel_id'] -%}
{%- set funnel = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model')
    | selectattr('name', 'equalto', 'funnel_by_channel_period') | first -%}
{%- set kpi_ids = funnel.columns | reject('in', keys) | list -%}
with

shown as (

    {% for kpi_id in kpi_ids %}
    select
        '{{ kpi_id }}' as kpi_id,
        period_grain,
        period_start,
        channel_id,
        {{ kpi_id }} as value
    from {{ ref('funnel_by_channel_period') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

published as (

    select * from {{ ref('kpi_by_channel_period') }} where basis = 'event'

)

select
    coalesce(published.kpi_id, shown.kpi_id) as kpi_id,
    coalesce(published.period_grain, shown.period_grain) as period_grain,
    coalesce(published.period_start, shown.period_start) as period_start,
    coalesce(published.channel_id, shown.channel_id) as channel_id,
    published.value as published_value,
    shown.value as shown_value
from published
full outer join shown
    on published.kpi_id = shown.kpi_id
    and published.period_grain = shown.period_grain
    and published.period_start = shown.period_start
    and published.channel_id = shown.channel_id
where shown.value is distinct from published.value

{#-
    In total and by channel: the effects of the factors add up to the change of the won
    amount to the last decimal, every comparison is there, and what is NULL has a reason.
-#}
{%- set marts = {
    'won_amount_change': ('kpi_by_period', none),
    'won_amount_change_by_channel': ('kpi_by_channel_period', 'channel_id'),
} -%}
{%- set keys = ['basis', 'comparison', 'period_grain', 'period_start'] -%}
with

{% for mart, (relation, dimension) in marts.items() -%}
{%- set all_keys = keys + ([dimension] if dimension else []) -%}
{{ mart }}_published as (

    select
        kpis.basis,
        comparisons.comparison,
        kpis.period_grain,
        kpis.period_start,
        {{ 'kpis.' ~ dimension ~ ',' if dimension }}
        kpis.numerator - earlier.numerator as change
    from {{ ref(relation) }} as kpis
    inner join {{ ref('int_period_comparisons') }} as comparisons
        on kpis.period_grain = comparisons.period_grain
        and kpis.period_start = comparisons.period_start
    inner join {{ ref(relation) }} as earlier
        on kpis.kpi_id = earlier.kpi_id
        and kpis.basis = earlier.basis
        {{ 'and kpis.' ~ dimension ~ ' = earlier.' ~ dimension if dimension }}
        and kpis.period_grain = earlier.period_grain
        and comparisons.previous_period_start = earlier.period_start
    where kpis.kpi_id = 'won_amount'

),

{{ mart }}_explained as (

    select
        {{ all_keys | join(', ') }},
        sum(effect_jpy) as change,
        {% if not dimension -%}
        sum(within_channels_jpy) as change_within_channels,
        {% else -%}
        sum(effect_jpy) as change_within_channels,
        {% endif -%}
        max(
            case
                when value_reason is null and value is null then 1
                when value_reason is null and previous_value is null then 1
                when value + previous_value is not null and value_reason is not null
                    then 1
                when effect_jpy is null and effect_reason is null then 1
                else 0
            end
        ) as has_unreasoned
    from {{ ref(mart) }}
    group by {{ all_keys | join(', ') }}

),

{{ mart }}_broken as (

    select
        '{{ mart }}' as mart,
        coalesce(published.basis, explained.basis) as basis,
        coalesce(published.comparison, explained.comparison) as comparison,
        coalesce(published.period_grain, explained.period_grain) as period_grain,
        coalesce(published.period_start, explained.period_start) as period_start,
        published.change as published_change,
        explained.change,
        explained.change_within_channels
    from {{ mart }}_published as published
    full outer join {{ mart }}_explained as explained
        on {% for key in all_keys -%}
        published.{{ key }} = explained.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}
    where
        published.basis is null
        or explained.basis is null
        or explained.change is null
        or explained.change <> published.change
        or explained.change_within_channels <> published.change
        or explained.has_unreasoned = 1

){{ ',' if not loop.last }}

{% endfor -%}
{% for mart in marts -%}
select * from {{ mart }}_broken
{{ 'union all' if not loop.last }}
{% endfor %}

{#-
    Grain: one row per kpi_id, basis, comparison, period_grain and period_start.
    By how much each KPI changed since the earlier period, and what of it is mix, what
    performance: the channels' effects added up.
-#}
{%- set keys = ['kpi_id', 'basis', 'comparison', 'period_grain', 'period_start'] -%}
{%- set effects = ['mix_effect', 'performance_effect', 'unmatched_effect'] -%}
with

totals as (

    {{ beside_earlier(ref('kpi_by_period')) }}

),

channels as (

    select * from {{ ref('kpi_change_by_channel') }}

),

-- in decimals, so that the order of adding up changes no digit
effects as (

    select
        {% for effect in effects %}
        sum(cast({{ effect }} as decimal(38, 18))) as {{ effect }},
        {% endfor %}
        sum(cast(is_entering as integer)) as entering_channels,
        sum(cast(is_leaving as integer)) as leaving_channels,
        {{ keys | join(', ') }}
    from channels
    group by {{ keys | join(', ') }}

),

final as (

    select
        -- ids
        totals.kpi_id,

        -- texts
        totals.basis,
        totals.comparison,
        totals.period_grain,
        case when totals.denominator is null then 'amount' else 'rate' end
            as change_kind,
        case
            when totals.value is null then 'no_cases'
            when totals.previous_value is null then 'no_cases_before'
        end as change_reason,
        case
            when totals.denominator is null then 'not_applicable'
            when totals.value is null then 'no_cases'
            when totals.previous_value is null then 'no_cases_before'
        end as split_reason,

        -- numerics
        totals.numerator,
        totals.denominator,
        totals.value,
        totals.previous_numerator,
        totals.previous_denominator,
        totals.previous_value,
        case
            when totals.denominator is null
                then cast(
                    totals.numerator - totals.previous_numerator as {{ type_double() }}
                )
            else totals.value - totals.previous_value
        end as change,
        {%- for effect in effects %}
        cast(effects.{{ effect }} as {{ type_double() }}) as {{ effect }},
        {%- endfor %}
        cast(effects.entering_channels as integer) as entering_channels,
        cast(effects.leaving_channels as integer) as leaving_channels,
        totals.definition_version,
        totals.previous_definition_version,

        -- booleans
        totals.is_definition_changed,
        totals.is_complete,
        totals.is_previous_complete,
        totals.is_previous_covered,
        totals.is_mature,
        totals.is_previous_mature,
        totals.is_small_sample,
        totals.is_previous_small_sample,

        -- dates
        totals.period_start,
        totals.period_end,
        totals.previous_period_start,
        totals.previous_period_end
    from totals
    -- one-to-one
    inner join effects
        on {% for key in keys -%}
        totals.{{ key }} = effects.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

)

select * from final

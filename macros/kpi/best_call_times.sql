{#-
    The hours and classes of days at which calls do best in the last months (var
    calling_window_months), for each of the two rates: those whose interval begins
    highest, so that a few lucky calls do not win. Hours with too few cases are left out.

    relation    connection_by_hour, or its totals
    dimension   its column besides period, class and hour, or none for the totals
-#}
{% macro best_call_times(relation, dimension=none) -%}
{%- set rates = {
    'connection_rate': ('calls_connected', 'calls_made'),
    'target_connection_rate': ('target_connections', 'calls_to_targets'),
} -%}
{%- set window = 'last_' ~ var('calling_window_months') ~ '_months' -%}
{%- set partition = ['kpi_id', dimension] | select | join(', ') -%}
with

hours as (

    select * from {{ relation }} where period_grain = '{{ window }}'

),

by_rate as (

    {% for rate, (numerator, denominator) in rates.items() %}
    select
        '{{ rate }}' as kpi_id,
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        day_class,
        day_class_name_ja,
        day_class_name_en,
        day_class_order,
        hour_of_day,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator,
        {{ rate }} as value,
        {{ rate }}_ci_low as ci_low,
        {{ rate }}_ci_high as ci_high,
        {{ rate }}_reason is null as is_given,
        period_start,
        period_end
    from hours
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

compared as (

    select
        *,
        cast(sum(numerator) over (partition by {{ partition }}) as {{ type_double() }})
        / nullif(
            cast(
                sum(denominator) over (partition by {{ partition }})
                as {{ type_double() }}
            ), 0
        ) as overall_value
    from by_rate

),

ranked as (

    select
        *,
        -- of equal hours the one with more cases, then the earlier one
        cast(
            row_number() over (
                partition by {{ partition }}
                order by
                    ci_low desc, denominator desc, day_class_order asc, hour_of_day asc
            ) as integer
        ) as rank_number
    from compared
    where is_given

),

final as (

    select
        -- ids
        kpi_id,
        {%- if dimension %}
        {{ dimension }},
        {%- endif %}
        day_class,

        -- texts
        day_class_name_ja,
        day_class_name_en,

        -- numerics
        rank_number,
        hour_of_day,
        numerator,
        denominator,
        value,
        ci_low,
        ci_high,
        overall_value,

        -- booleans
        -- the score test that the interval inverts, at a limit for many hours at once
        value - overall_value
        > {{ var('clearly_better_z') }}
        * sqrt(overall_value * (1 - overall_value) / denominator) as is_clearly_better,

        -- dates
        period_start,
        period_end
    from ranked
    where rank_number <= {{ var('best_call_times_shown') }}

)

select * from final
{%- endmacro %}

{#-
    Connection rate and target connection rate of dials by class and period: a sum over
    a sum (R1), with Wilson's interval. A rate over fewer cases than policy
    small_sample_below is NULL and says so; its counts stay.

    class_id    column of int_dials_hourly whose classes are compared
    classes     relation with the names of the classes
    dimension   column of int_dials_hourly, or none for the totals
    within      further columns of int_dials_hourly that divide a class
    counts      further counts of int_dials_hourly to publish
-#}
{% macro connection_by(class_id, classes, dimension=none, within=[], counts=[]) -%}
{%- set keys = [dimension, class_id] | select | list + within -%}
{%- set rates = {
    'connection_rate': ('calls_connected', 'calls_made'),
    'target_connection_rate': ('target_connections', 'calls_to_targets'),
} -%}
{%- set periods = [
    'period_grain', 'period_start', 'period_end', 'small_sample_below'
] -%}
{%- set base_counts = [
    'calls_made', 'calls_connected', 'calls_to_targets', 'target_connections'
] -%}
with

dials as (

    select * from {{ ref('int_dials_hourly') }}

),

periods as (

    select * from {{ ref('int_calling_periods') }}

),

classes as (

    select * from {{ classes }}

),

counted as (

    select
        {%- for key in keys %}
        dials.{{ key }},
        {%- endfor %}
        {%- for column in periods %}
        periods.{{ column }},
        {%- endfor %}
        {%- for count in base_counts + counts %}
        cast(sum(dials.{{ count }}) as bigint) as {{ count }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from dials
    -- many-to-many: a day is in one period of each grain
    inner join periods on dials.call_date = periods.date_day
    group by
        {%- for key in keys %}
        dials.{{ key }},
        {%- endfor %}
        {%- for column in periods %}
        periods.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

),

judged as (

    select
        *
        {%- for rate, (numerator, denominator) in rates.items() %},
        cast({{ numerator }} as {{ type_double() }})
        / nullif(cast({{ denominator }} as {{ type_double() }}), 0) as {{ rate }},
        case
            when {{ denominator }} = 0 then 'no_cases'
            when {{ denominator }} < small_sample_below then 'too_few_cases'
        end as {{ rate }}_reason
        {%- endfor %}
    from counted

),

final as (

    select
        -- ids
        {%- if dimension %}
        judged.{{ dimension }},
        {%- endif %}
        judged.{{ class_id }},

        -- texts
        judged.period_grain,
        classes.name_ja as {{ class_id }}_name_ja,
        classes.name_en as {{ class_id }}_name_en,
        {%- for rate in rates %}
        judged.{{ rate }}_reason,
        {%- endfor %}

        -- numerics
        classes.sort_order as {{ class_id }}_order,
        {%- for column in within %}
        judged.{{ column }},
        {%- endfor %}
        {%- for count in base_counts + counts %}
        judged.{{ count }},
        {%- endfor %}
        {%- for rate, (numerator, denominator) in rates.items() %}
        {%- set is_given = 'judged.' ~ rate ~ '_reason is null' %}
        case when {{ is_given }} then judged.{{ rate }} end as {{ rate }},
        {%- for bound in ['low', 'high'] %}
        case
            when {{ is_given }}
                then {{ wilson_bound(
                    'judged.' ~ rate, 'judged.' ~ denominator, bound
                ) }}
        end as {{ rate }}_ci_{{ bound }},
        {%- endfor %}
        {%- endfor %}

        -- booleans
        judged.period_end <= {{ as_of_date() }} as is_complete,

        -- dates
        judged.period_start,
        judged.period_end
    from judged
    -- many-to-one
    left join classes on judged.{{ class_id }} = classes.{{ class_id }}

)

select * from final
{%- endmacro %}

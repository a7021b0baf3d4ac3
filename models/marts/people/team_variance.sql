{#-
    Grain: one row per kpi_id, basis, period_grain, period_start and team.
    How far apart the reps of a team lie that can be compared. `dispersion` is chi-square
    over its degrees of freedom,

        sum over reps of cases × (rate - rate of all)² ÷ (rate × (1 - rate) of all)
        ÷ (reps - 1),

    about 1 where reps differ by chance alone, above it where they differ by more
    (D. J. Spiegelhalter, Statistics in Medicine 24 (2005), 1185–1202).
-#}
{%- set keys = ['kpi_id', 'basis', 'period_grain', 'period_start', 'team'] -%}
{%- set measures_of_spread = [
    'lowest', 'median', 'highest', 'mean', 'standard_deviation'
] -%}
{%- set key_list = keys | join(', ') -%}
{%- set cases = 'cast(denominator as ' ~ type_double() ~ ')' -%}
with

reps as (

    select
        *,
        case when is_compared then value end as compared_value
    from {{ ref('rep_performance') }}
    where team <> 'unknown'

),

compared as (

    select
        *,
        sum(compared_value * {{ cases }}) over (partition by {{ key_list }})
        / nullif(sum(case when is_compared then {{ cases }} end) over (
            partition by {{ key_list }}
        ), 0) as value_of_all
    from reps

),

spread as (

    select
        kpi_id,
        team,
        basis,
        period_grain,
        definition_version,
        period_start,
        period_end,
        is_proportion,
        is_mature,
        is_complete,
        is_mixed_version,
        count(value) as reps,
        count(compared_value) as reps_compared,
        min(compared_value) as lowest,
        {{ quantile('compared_value', 0.5) }} as median,
        max(compared_value) as highest,
        avg(compared_value) as mean,
        stddev_samp(compared_value) as standard_deviation,
        max(value_of_all) as value_of_all,
        sum(
            {{ cases }}
            * (compared_value - value_of_all) * (compared_value - value_of_all)
        ) as weighted_squares
    from compared
    group by
        kpi_id,
        team,
        basis,
        period_grain,
        definition_version,
        period_start,
        period_end,
        is_proportion,
        is_mature,
        is_complete,
        is_mixed_version

),

reasoned as (

    select
        *,
        case when reps_compared < 2 then 'too_few_reps' end as spread_reason,
        case
            when not is_proportion then 'not_applicable'
            when reps_compared < 2 then 'too_few_reps'
            when lowest = 1 or highest = 0 then 'no_variation'
        end as dispersion_reason
    from spread

),

final as (

    select
        -- ids
        kpi_id,

        -- texts
        basis,
        period_grain,
        team,
        spread_reason,
        dispersion_reason,

        -- numerics
        cast(reps as integer) as reps,
        cast(reps_compared as integer) as reps_compared,
        {%- for column in measures_of_spread %}
        case when spread_reason is null then {{ column }} end as {{ column }},
        {%- endfor %}
        case
            when dispersion_reason is null
                then
                    weighted_squares
                    / (value_of_all * (1 - value_of_all))
                    / (reps_compared - 1)
        end as dispersion,
        definition_version,

        -- booleans
        is_mature,
        is_complete,
        is_mixed_version,

        -- dates
        period_start,
        period_end
    from reasoned

)

select * from final

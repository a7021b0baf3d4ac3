{#-
    Grain: one row per department, kpi_id, channel_id and month, for the targets in force
    of months that have begun; channel `all` is the total.
    How much of each target is attained, what was to be expected by now, and where the
    month will end.

    A sum is expected to grow by business days; a ratio is attained as a ratio. Pace is
    what is there over what is expected, or the other way round where less is better, and
    the status follows it, compared in exact decimals. The interval of a projection is a
    prediction interval of the days to come, from the month's days so far: G. J. Hahn and
    W. Q. Meeker, Statistical Intervals (1991), chapter 4.
-#}
{%- set review_below = var('attainment_review_below') -%}
{%- set history = var('attainment_history_months') -%}
{%- set share = var('attainment_supported_percentile') -%}
{%- set percentiles = {'high': share, 'low': (1 - share) | round(6)} -%}
with

targets as (

    select * from {{ ref('int_targets') }}
    where is_in_force and month <= {{ as_of_date() }}

),

kpi_versions as (

    select * from {{ ref('int_kpi_versions') }} where is_published

),

totals as (

    select * from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain in ('month', 'day')

),

channels as (

    select * from {{ ref('kpi_by_channel_period') }}
    where basis = 'event' and period_grain in ('month', 'day')

),

days as (

    select * from {{ ref('dim_dates') }} where is_business_day

),

month_days as (

    select
        month_start as month,
        count(*) as business_days,
        sum(case when date_day <= {{ as_of_date() }} then 1 else 0 end)
            as business_days_elapsed
    from days
    group by month_start

),

periods as (

    select
        kpi_id,
        'all' as channel_id,
        period_grain,
        numerator,
        denominator,
        value,
        ci_low,
        ci_high,
        is_small_sample,
        period_start
    from totals

    union all

    select
        kpi_id,
        channel_id,
        period_grain,
        numerator,
        denominator,
        value,
        ci_low,
        ci_high,
        is_small_sample,
        period_start
    from channels

),

months as (

    select
        periods.*,
        coalesce(month_days.business_days, 0) as business_days
    from periods
    -- many-to-one
    left join month_days on periods.period_start = month_days.month
    where periods.period_grain = 'month'

),

-- two unmapped channels of one department have one row
summed_targets as (

    select
        department_id,
        kpi_id,
        channel_id,
        month,
        sum(target_value) as target
    from targets
    group by department_id, kpi_id, channel_id, month

),

described as (

    select
        summed_targets.*,
        kpi_versions.unit,
        kpi_versions.quantity_or_quality,
        kpi_versions.polarity,
        kpi_versions.has_event_basis,
        kpi_versions.statistic,
        kpi_versions.denominator_measure_id is null
        and kpi_versions.distribution_id is null as is_sum,
        coalesce(month_days.business_days, 0) as business_days,
        coalesce(month_days.business_days_elapsed, 0) as business_days_elapsed,
        {{ dbt.last_day('summed_targets.month', 'month') }} <= {{ as_of_date() }}
            as is_complete
    from summed_targets
    -- many-to-one
    inner join kpi_versions
        on summed_targets.kpi_id = kpi_versions.kpi_id
        and {{ definition_day('summed_targets.month') }}
        between kpi_versions.effective_from and kpi_versions.last_day
    -- many-to-one
    left join month_days on summed_targets.month = month_days.month

),

-- how much the business days so far differ, in the month that is not over
daily as (

    select
        described.department_id,
        described.kpi_id,
        described.channel_id,
        described.month,
        sum(cast(periods.numerator as {{ type_double() }})) as days_sum,
        sum(
            cast(periods.numerator as {{ type_double() }})
            * cast(periods.numerator as {{ type_double() }})
        ) as days_sum_of_squares
    from described
    -- one-to-many: the month's business days with a row
    inner join days
        on described.month = days.month_start and days.date_day <= {{ as_of_date() }}
    -- one-to-one
    inner join periods
        on described.kpi_id = periods.kpi_id
        and described.channel_id = periods.channel_id
        and periods.period_grain = 'day'
        and days.date_day = periods.period_start
    where described.is_sum and not described.is_complete
    group by
        described.department_id,
        described.kpi_id,
        described.channel_id,
        described.month

),

-- history begins with the first month in which anything of a KPI happened
first_months as (

    select
        kpi_id,
        channel_id,
        min(period_start) as first_month
    from months
    where numerator <> 0 or denominator <> 0
    group by kpi_id, channel_id

),

history as (

    select
        described.department_id,
        described.kpi_id,
        described.channel_id,
        described.month,
        -- sums of months of other lengths are held against this one by business day
        case
            when described.is_sum
                then
                    months.value * described.business_days / months.business_days
            else months.value
        end as comparable
    from described
    -- many-to-one
    inner join first_months
        on described.kpi_id = first_months.kpi_id
        and described.channel_id = first_months.channel_id
    -- one-to-many: the complete months before
    inner join months
        on described.kpi_id = months.kpi_id
        and described.channel_id = months.channel_id
        and months.period_start >= first_months.first_month
        and months.period_start
        >= {{ dbt.dateadd('month', -history, 'described.month') }}
        and months.period_start < described.month
        and months.value is not null
        and not months.is_small_sample
        and (months.business_days > 0 or not described.is_sum)

),

supported as (

    select
        department_id,
        kpi_id,
        channel_id,
        month,
        {%- for name, percentile in percentiles.items() %}
        {{ quantile('comparable', percentile) }} as supported_{{ name }},
        {%- endfor %}
        count(*) as supported_months
    from history
    group by department_id, kpi_id, channel_id, month

),

measured as (

    select
        described.*,
        case
            when not described.is_sum then months.numerator
            when described.has_event_basis then coalesce(months.numerator, 0)
        end as numerator,
        months.denominator,
        case
            when not described.is_sum then months.value
            when described.has_event_basis
                then cast(coalesce(months.numerator, 0) as {{ type_double() }})
        end as actual,
        months.ci_low,
        months.ci_high,
        coalesce(months.is_small_sample, false) as is_small_sample,
        coalesce(daily.days_sum, 0) as days_sum,
        coalesce(daily.days_sum_of_squares, 0) as days_sum_of_squares,
        coalesce(supported.supported_months, 0) as supported_months,
        supported.supported_high,
        supported.supported_low
    from described
    -- one-to-one
    left join months
        on described.kpi_id = months.kpi_id
        and described.channel_id = months.channel_id
        and described.month = months.period_start
    -- one-to-one
    left join daily
        on described.department_id = daily.department_id
        and described.kpi_id = daily.kpi_id
        and described.channel_id = daily.channel_id
        and described.month = daily.month
    -- one-to-one
    left join supported
        on described.department_id = supported.department_id
        and described.kpi_id = supported.kpi_id
        and described.channel_id = supported.channel_id
        and described.month = supported.month

),

-- what is there and what was expected, multiplied so that no division is needed
weighed as (

    select
        *,
        business_days - business_days_elapsed as business_days_left,
        case
            when is_sum
                then cast(numerator as decimal(18, 2)) * cast(business_days as integer)
            when statistic is not null then cast(actual as decimal(18, 6))
            when denominator <> 0 then numerator
        end as weight_of_actual,
        case
            when is_sum
                then
                    cast(target as decimal(18, 6))
                    * cast(business_days_elapsed as integer)
            when statistic is not null then cast(target as decimal(18, 6))
            -- ratios are below a billion, which keeps the product within 38 digits
            else cast(target as decimal(15, 6)) * denominator
        end as weight_of_expected,
        case
            when is_sum
                then
                    cast(target as {{ type_double() }})
                    * business_days_elapsed / nullif(business_days, 0)
            else cast(target as {{ type_double() }})
        end as expected_to_date,
        case
            when not has_event_basis then 'not_on_event_basis'
            when actual is null then 'no_cases'
            when polarity = 'lower' and actual = 0 then 'zero_actual'
            when polarity <> 'lower' and target = 0 then 'zero_target'
        end as value_reason
    from measured

),

compared as (

    select
        *,
        case when polarity = 'lower' then weight_of_expected else weight_of_actual end
            as weight_gained,
        case when polarity = 'lower' then weight_of_actual else weight_of_expected end
            as weight_wanted,
        case
            when value_reason is null and polarity = 'lower'
                then cast(target as {{ type_double() }}) / actual
            when value_reason is null
                then actual / cast(target as {{ type_double() }})
        end as attainment,
        case
            when value_reason is null and polarity = 'lower'
                then expected_to_date / actual
            when value_reason is null then actual / nullif(expected_to_date, 0)
        end as pace,
        case
            when is_sum and is_complete then actual
            when is_sum and business_days_elapsed = 0 then null
            when is_sum
                then
                    actual
                    + actual * business_days_left
                    / cast(business_days_elapsed as {{ type_double() }})
            else actual
        end as projected,
        case
            when is_complete or business_days_left = 0 then 0
            when business_days_elapsed >= {{ var('attainment_interval_days') }}
                then {{ var('wilson_z') }} * sqrt(
                    business_days_left
                    * (
                        days_sum_of_squares
                        - days_sum * days_sum / business_days_elapsed
                    )
                    / (business_days_elapsed - 1)
                    * (
                        1
                        + business_days_left
                        / cast(business_days_elapsed as {{ type_double() }})
                    )
                )
        end as half_width,
        case
            when value_reason in ('not_on_event_basis', 'no_cases', 'zero_target')
                then value_reason
            when polarity = 'neutral' then 'no_better_direction'
            when is_sum and business_days = 0 then 'no_business_days'
            when is_sum and business_days_elapsed = 0 then 'no_business_days_yet'
            when is_small_sample then 'small_sample'
        end as status_reason
    from weighed

),

final as (

    select
        -- ids
        department_id as department,
        kpi_id,
        channel_id,

        -- texts
        unit,
        quantity_or_quality,
        case
            when status_reason is not null then null
            when weight_gained >= weight_wanted then 'on_track'
            when
                weight_gained
                < cast({{ review_below }} as decimal(3, 2)) * weight_wanted
                then 'review'
            else 'behind'
        end as status,
        status_reason,
        value_reason,

        -- numerics
        cast(target as decimal(18, 6)) as target,
        actual,
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator,
        attainment,
        expected_to_date,
        pace,
        projected,
        {%- for bound, sign in [('low', '-'), ('high', '+')] %}
        case
            when not is_sum then ci_{{ bound }}
            -- what is counted stays counted
            when unit = 'count' and projected {{ sign }} half_width < actual then actual
            else projected {{ sign }} half_width
        end as projected_{{ bound }},
        {%- endfor %}
        cast(business_days as integer) as business_days,
        cast(business_days_elapsed as integer) as business_days_elapsed,
        case
            when supported_months < {{ var('attainment_history_minimum') }} then null
            when polarity = 'lower' then supported_low
            else supported_high
        end as supported_target,
        cast(supported_months as integer) as supported_months,

        -- booleans
        is_complete,
        is_small_sample,

        -- dates
        month
    from compared

)

select * from final

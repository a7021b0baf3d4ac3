{#-
    Grain: one row per period_grain and channel_id, for the periods that hold the as-of
    date; channel `all` is the total.
    パイプラインカバレッジ: the yen of open deals over what is still to be won of the target
    of the period.
-#}
{%- set scopes = {
    '': 'is_open',
    '_involved': 'is_open and (is_sourced or is_influenced)',
    '_sourced': 'is_open and is_sourced',
} -%}
with

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}
    -- no target is set for a day or a week
    where period_grain not in ('day', 'week')

),

targets as (

    select * from {{ ref('int_won_amount_targets') }}

),

totals as (

    select * from {{ ref('kpi_by_period') }}
    where kpi_id = 'won_amount' and basis = 'event'

),

channel_totals as (

    select * from {{ ref('kpi_by_channel_period') }}
    where kpi_id = 'won_amount' and basis = 'event'

),

opportunities as (

    select * from {{ ref('fct_opportunities') }} where is_open

),

members as (

    select channel_id from {{ ref('dim_channels') }}

    union all

    select 'all' as channel_id

),

horizons as (

    select
        period_grain,
        period_start,
        period_end
    from calendar_periods
    where date_day = {{ as_of_date() }}

),

-- a month is its first day, which is in one period of each grain
target_months as (

    select
        horizons.period_grain,
        calendar_periods.date_day as month
    from horizons
    -- one-to-many: the days of the period
    inner join calendar_periods
        on horizons.period_grain = calendar_periods.period_grain
        and horizons.period_start = calendar_periods.period_start
    where extract(day from calendar_periods.date_day) = 1

),

month_counts as (

    select
        period_grain,
        count(*) as month_count
    from target_months
    group by period_grain

),

targeted as (

    select
        target_months.period_grain,
        targets.channel_id,
        sum(targets.target_amount) as target_amount,
        count(*) as month_count,
        case
            when min(targets.target_source) = max(targets.target_source)
                then min(targets.target_source)
            else 'mixed'
        end as target_source
    from target_months
    -- one-to-many: one target per channel
    inner join targets on target_months.month = targets.month
    group by target_months.period_grain, targets.channel_id

),

won as (

    select
        'all' as channel_id,
        period_grain,
        period_start,
        numerator as won_amount
    from totals

    union all

    select
        channel_id,
        period_grain,
        period_start,
        numerator as won_amount
    from channel_totals

),

open_deals as (

    {% for channel_id in ["'all'", "coalesce(channel_id, 'unknown')"] %}
    select
        {{ channel_id }} as channel_id,
        {%- for scope, condition in scopes.items() %}
        sum(
            case when {{ condition }} then coalesce(amount_jpy, 0) else 0 end
        ) as open_amount{{ scope }},
        {%- endfor %}
        count(*) as open_deals
    from opportunities
    group by {{ channel_id }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

cells as (

    select
        horizons.period_grain,
        horizons.period_start,
        horizons.period_end,
        members.channel_id,
        targeted.target_source,
        targeted.target_amount,
        coalesce(won.won_amount, 0) as won_amount,
        targeted.target_amount - coalesce(won.won_amount, 0) as remaining_amount,
        coalesce(open_deals.open_deals, 0) as open_deals,
        {%- for scope in scopes %}
        coalesce(open_deals.open_amount{{ scope }}, 0) as open_amount{{ scope }},
        {%- endfor %}
        -- a period with a month without a target has none
        case
            when targeted.month_count = month_counts.month_count then null
            else 'no_target'
        end as target_reason
    from horizons
    cross join members
    -- many-to-one
    inner join month_counts on horizons.period_grain = month_counts.period_grain
    -- one-to-one
    left join targeted
        on horizons.period_grain = targeted.period_grain
        and members.channel_id = targeted.channel_id
    -- one-to-one
    left join won
        on horizons.period_grain = won.period_grain
        and horizons.period_start = won.period_start
        and members.channel_id = won.channel_id
    -- many-to-one
    left join open_deals on members.channel_id = open_deals.channel_id

),

reasoned as (

    select
        *,
        case
            when target_reason is not null then target_reason
            when remaining_amount <= 0 then 'target_reached'
        end as coverage_reason
    from cells

),

final as (

    select
        -- ids
        channel_id,
        period_grain,

        -- texts
        case when target_reason is null then target_source end as target_source,
        coverage_reason,

        -- numerics
        cast(
            case when target_reason is null then target_amount end as decimal(18, 2)
        ) as target_amount,
        cast(won_amount as decimal(18, 2)) as won_amount,
        cast(
            case when target_reason is null then remaining_amount end
            as decimal(18, 2)
        ) as remaining_amount,
        cast(open_deals as bigint) as open_deals,
        {%- for scope in scopes %}
        cast(open_amount{{ scope }} as decimal(18, 2)) as open_amount{{ scope }},
        {%- endfor %}
        {%- for scope in scopes %}
        case
            when coverage_reason is null
                then
                    cast(open_amount{{ scope }} as {{ type_double() }})
                    / cast(remaining_amount as {{ type_double() }})
        end as coverage{{ scope }},
        {%- endfor %}

        -- dates
        period_start,
        period_end
    from reasoned

)

select * from final

{#-
    Grain: one row per channel and day with a cost, up to the as-of date.
    The cost of a month, spread evenly over its calendar days so that it adds up in every
    period: whole hundredths of a yen, and what is left over on the last day. Codes of
    channels are read as lead sources are.
-#}
with

campaign_costs as (

    select * from {{ ref('stg_planning__campaign_costs') }}
    where is_accepted and cost is not null

),

sources as (

    select * from {{ ref('lead_sources') }}

),

months as (

    select
        *,
        cast(
            {{ dbt.datediff('period_start', 'period_end', 'day') }}
            as bigint
        ) + 1 as day_count
    from {{ ref('int_calendar_periods') }}
    where period_grain = 'month'

),

monthly as (

    select
        channel,
        month,
        cast(round(cost * 100, 0) as bigint) as hundredths
    from campaign_costs

),

daily as (

    select
        monthly.channel,
        months.date_day as cost_date,
        monthly.hundredths % months.day_count as left_over,
        -- divides without remainder, so that no engine has to round
        (monthly.hundredths - monthly.hundredths % months.day_count)
        / months.day_count as share,
        months.date_day = months.period_end as is_last_day
    from monthly
    -- one-to-many: the days of the month
    inner join months on monthly.month = months.period_start
    where months.date_day <= {{ as_of_date() }}

),

mapped as (

    select
        coalesce(sources.channel_id, 'unmapped') as channel_id,
        daily.cost_date,
        cast(daily.share as bigint)
        + case when daily.is_last_day then daily.left_over else 0 end as hundredths
    from daily
    -- many-to-one
    left join sources
        on {{ code_key('daily.channel') }} = sources.source_code
        and {{ is_valid_on('sources', 'daily.cost_date') }}

),

final as (

    select
        channel_id,
        cast(
            cast(sum(hundredths) as decimal(18, 0)) * cast(0.01 as decimal(3, 2))
            as decimal(18, 2)
        ) as cost,
        cost_date
    from mapped
    group by channel_id, cost_date

)

select * from final

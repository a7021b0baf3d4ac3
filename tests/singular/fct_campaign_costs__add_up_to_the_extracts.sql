-- The days of a month that is over cost what the extracts say of it, over all channels; of
-- the running month and of later ones never more.
with

stated as (

    select
        month,
        sum(cast(round(cost, 2) as decimal(18, 2))) as cost
    from {{ ref('stg_planning__campaign_costs') }}
    where is_accepted and cost >= 0
    group by month

),

refunds as (

    select month
    from {{ ref('stg_planning__campaign_costs') }}
    where is_accepted and cost < 0
    group by month

),

spread as (

    select
        days.month_start as month,
        max(days.next_month) as next_month,
        sum(costs.cost) as cost
    from {{ ref('fct_campaign_costs') }} as costs
    -- many-to-one
    inner join (
        select
            date_day,
            month_start,
            {{ dbt.dateadd('month', 1, 'month_start') }} as next_month
        from {{ ref('dim_dates') }}
    ) as days
        on costs.cost_date = days.date_day
    group by days.month_start

)

select
    stated.month,
    stated.cost as stated_cost,
    spread.cost as spread_cost
from stated
-- one-to-one
left join spread on stated.month = spread.month
where
    stated.month not in (select refunds.month from refunds)
    and case
        when {{ dbt.dateadd('month', 1, 'stated.month') }}
            <= {{ dbt.dateadd('day', 1, as_of_date()) }}
            then stated.cost <> coalesce(spread.cost, 0)
        else coalesce(spread.cost, 0) > stated.cost
    end

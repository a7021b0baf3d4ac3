-- The days of a month that is over cost what the extracts say of it, over all channels;
-- those of the running month and of later ones never more.
with

stated as (

    select
        month,
        sum(cast(round(cost, 2) as decimal(18, 2))) as cost,
        min(cost) as smallest_cost,
        {{ dbt.dateadd('month', 1, 'month') }} as next_month
    from {{ ref('stg_planning__campaign_costs') }}
    where is_accepted and cost is not null
    group by month

),

spread as (

    select
        days.month_start as month,
        sum(costs.cost) as cost
    from {{ ref('fct_campaign_costs') }} as costs
    -- many-to-one
    inner join {{ ref('dim_dates') }} as days on costs.cost_date = days.date_day
    group by days.month_start

),

compared as (

    select
        stated.month,
        stated.cost as stated_cost,
        coalesce(spread.cost, 0) as spread_cost,
        -- a refund of a channel may come later than what others have paid
        stated.smallest_cost < 0 as has_refund,
        stated.next_month <= {{ dbt.dateadd('day', 1, as_of_date()) }} as is_over
    from stated
    -- one-to-one
    left join spread on stated.month = spread.month

)

select
    month,
    stated_cost,
    spread_cost
from compared
where
    (is_over and stated_cost <> spread_cost)
    or (not is_over and not has_refund and spread_cost > stated_cost)

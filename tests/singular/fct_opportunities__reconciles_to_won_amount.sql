-- The yen of the facts, added up apart from the measures, are the yen of the totals.
with

facts as (

    select
        coalesce(sum(case when is_won then 1 else 0 end), 0) as deals_won,
        coalesce(
            sum(case when is_won and (is_sourced or is_influenced) then amount_jpy end),
            0
        ) as won_amount
    from {{ ref('fct_opportunities') }}

),

totals as (

    select
        coalesce(sum(case when kpi_id = 'deals_won' then numerator end), 0)
            as deals_won,
        coalesce(sum(case when kpi_id = 'won_amount' then numerator end), 0)
            as won_amount
    from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain = 'fiscal_year'

)

select
    facts.deals_won,
    facts.won_amount,
    totals.deals_won as published_deals_won,
    totals.won_amount as published_won_amount
from facts
cross join totals
where facts.deals_won <> totals.deals_won or facts.won_amount <> totals.won_amount

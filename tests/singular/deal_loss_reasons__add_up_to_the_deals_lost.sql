-- Every lost deal has one reason: the reasons of a channel and period are its lost
-- deals, and their amounts what was closed and not won. Only while one version of each
-- KPI counts from the first day on.
with

definitions as (

    select * from {{ ref('dim_kpis') }}

),

single_versions as (

    select kpi_id
    from definitions
    where is_published and kpi_id in ('deals_lost', 'win_rate_by_amount')
    group by kpi_id
    having
        count(*) = 1
        and min(effective_from) <= cast('{{ var("calendar_start") }}' as date)
        and min(effective_to) is null

),

kpis as (

    select
        published.period_grain,
        published.period_start,
        published.channel_id,
        sum(case when published.kpi_id = 'deals_lost' then published.numerator end)
            as deals_lost,
        sum(
            case
                when published.kpi_id = 'win_rate_by_amount'
                    then published.denominator - published.numerator
            end
        ) as amount_lost
    from {{ ref('kpi_by_channel_period') }} as published
    where
        published.basis = 'event'
        and published.kpi_id in (select single_versions.kpi_id from single_versions)
    group by published.period_grain, published.period_start, published.channel_id

),

reasons as (

    select
        period_grain,
        period_start,
        channel_id,
        sum(deals_lost) as deals_lost,
        max(deals_lost_all_reasons) as deals_lost_all_reasons,
        sum(amount_lost) as amount_lost
    from {{ ref('deal_loss_reasons') }}
    group by period_grain, period_start, channel_id

)

select
    coalesce(kpis.period_grain, reasons.period_grain) as period_grain,
    coalesce(kpis.period_start, reasons.period_start) as period_start,
    coalesce(kpis.channel_id, reasons.channel_id) as channel_id,
    kpis.deals_lost as published_deals,
    reasons.deals_lost as deals_with_a_reason,
    kpis.amount_lost as published_amount,
    reasons.amount_lost as amount_with_a_reason
from kpis
-- one-to-one
full outer join reasons
    on kpis.period_grain = reasons.period_grain
    and kpis.period_start = reasons.period_start
    and kpis.channel_id = reasons.channel_id
where
    (select count(*) from single_versions) = 2
    and (
        coalesce(kpis.deals_lost, 0) <> coalesce(reasons.deals_lost, 0)
        or coalesce(kpis.amount_lost, 0) <> coalesce(reasons.amount_lost, 0)
        or reasons.deals_lost <> reasons.deals_lost_all_reasons
    )

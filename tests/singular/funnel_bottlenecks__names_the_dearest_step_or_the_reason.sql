{#-
    A month and channel have one bottleneck, the step that costs most deals, if any costs
    one; a loss is NULL with a reason, and only so.
-#}
with

steps as (

    select * from {{ ref('funnel_bottlenecks') }}

),

cells as (

    select
        month,
        channel_id,
        sum({{ one_if('is_bottleneck') }}) as bottlenecks,
        max(case when is_bottleneck then deals_lost end) as named_loss,
        max(deals_lost) as largest_loss
    from steps
    group by month, channel_id

),

final as (

    select
        cells.month,
        cells.channel_id,
        cast(null as {{ dbt.type_string() }}) as step
    from cells
    where
        cells.bottlenecks
        <> case when coalesce(cells.largest_loss, 0) > 0 then 1 else 0 end
        or coalesce(cells.named_loss, 0) <> coalesce(cells.largest_loss, 0)

    union all

    select
        steps.month,
        steps.channel_id,
        steps.step
    from steps
    where
        (steps.reason is null)
        <> (steps.deals_lost is not null and steps.amount_lost_jpy is not null)

)

select * from final

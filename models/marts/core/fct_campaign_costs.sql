{#- Grain: one row per channel and day with a campaign cost. -#}
with

campaign_costs as (

    select * from {{ ref('int_campaign_costs') }}

),

final as (

    select
        channel_id,
        cost,
        cost_date
    from campaign_costs

)

select * from final

{#- Grain: one row per channel, that is per way in which a lead was acquired. -#}
with

channels as (

    select * from {{ ref('channels') }}

),

final as (

    select
        channel_id,
        name_ja,
        name_en,
        channel_class,
        motion,
        sort_order
    from channels

)

select * from final

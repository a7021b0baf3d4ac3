{#- Grain: one row per surviving lead and engagement cycle that a recycle ended. -#}
with

recycles as (

    select * from {{ ref('int_lead_recycles') }}

),

final as (

    select
        -- ids
        lead_id,
        channel_id,
        rep_id,

        -- numerics
        cast(ended_cycle_number as bigint) as ended_cycle_number,
        approach_count,

        -- booleans
        is_too_early,

        -- dates
        recycled_at,
        recycled_date
    from recycles

)

select * from final

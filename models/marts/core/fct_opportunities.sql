{#- Grain: one row per opportunity that is not deleted. -#}
with

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

final as (

    select
        -- ids
        opportunity_id,
        lead_id,
        account_id,
        channel_id,
        rep_id,
        owner_id,
        created_by_id,

        -- texts
        stage,
        currency,

        -- numerics
        amount,
        amount_jpy,
        reopened_count,
        cast(
            {{ dbt.datediff('created_date', 'closed_date', 'day') }}
            as bigint
        ) as days_to_close,

        -- booleans
        is_open,
        is_won,
        is_lost,
        is_sourced,
        is_influenced,

        -- dates
        created_at,
        proposal_at,
        won_at,
        lost_at,
        closed_date,
        created_date
    from opportunities

)

select * from final

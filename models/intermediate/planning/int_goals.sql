{#-
    Grain: one row per month with a goal (KGI).
    Where a month stands in two fiscal years, the later one says what is wanted.
-#}
with

goals as (

    select * from {{ ref('stg_planning__kgi') }}
    where is_accepted and won_amount is not null

),

ranked as (

    select
        *,
        row_number() over (partition by month order by fiscal_year desc nulls last)
            as goal_number
    from goals

),

final as (

    select
        -- numerics
        won_amount,
        average_deal,

        -- dates
        month
    from ranked
    where goal_number = 1

)

select * from final

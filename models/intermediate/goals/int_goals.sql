{#-
    Grain: one row per month that has a goal (KGI) of won amount.
    Of two goals for a month, the newer fiscal year's counts.
-#}
with

goals as (

    select * from {{ ref('stg_planning__kgi') }}
    where is_accepted and won_amount is not null

),

ranked as (

    select
        month,
        won_amount,
        average_deal,
        row_number() over (
            partition by month
            order by fiscal_year desc nulls last, source_file desc, source_row desc
        ) as goal_number
    from goals

),

final as (

    select
        -- numerics
        cast(won_amount as decimal(18, 2)) as won_amount,
        -- no deal is worth nothing: the cell means that none is stated
        cast(
            case when average_deal > 0 then average_deal end as decimal(18, 2)
        ) as average_deal,

        -- dates
        month
    from ranked
    where goal_number = 1

)

select * from final

{#-
    Grain: one row per month that has a goal (KGI) of won amount.
    Of two goals for a month, the newer fiscal year's counts. The window holds the complete
    months that its rates are taken from, none after the as-of date; history begins earlier
    and ends with the month before.
-#}
{%- set next_day = dbt.dateadd('day', 1, as_of_date()) -%}
{%- set month_before = dbt.dateadd('month', -1, dbt.date_trunc('month', next_day)) -%}
{%- set last_complete_month = 'cast(' ~ month_before ~ ' as date)' -%}
with

goals as (

    select * from {{ ref('stg_planning__kgi') }}
    where is_accepted and won_amount is not null

),

ranked as (

    select
        *,
        row_number() over (
            partition by month
            order by fiscal_year desc nulls last, source_file desc, source_row desc
        ) as goal_number
    from goals

),

windowed as (

    select
        *,
        case
            when month > {{ last_complete_month }} then {{ last_complete_month }}
            else cast({{ dbt.dateadd('month', -1, 'month') }} as date)
        end as window_end
    from ranked
    where goal_number = 1

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
        month,
        cast(
            {{ dbt.dateadd('month', 1 - var('tree_window_months'), 'window_end') }}
            as date
        ) as window_start,
        window_end,
        cast(
            {{ dbt.dateadd('month', -var('tree_history_months'), 'month') }} as date
        ) as history_start
    from windowed

)

select * from final

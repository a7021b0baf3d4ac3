{#-
    Grain: one row per distribution_id and opportunity.
    Whole days from the creation of a deal to its close, won or lost; open ones are
    observed to the as-of date. And the yen of won deals, of which none is open: a deal
    without an amount or a rate has no value to be in the middle of.
-#}
with

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

cycles as (

    select
        opportunities.*,
        {{ dbt.datediff(
            'opportunities.created_date',
            'coalesce(opportunities.closed_date, ' ~ as_of_date() ~ ')',
            'day'
        ) }} as days,
        case
            when opportunities.is_open then coalesce(reps.team, 'unknown')
            else opportunities.team_at_close
        end as team
    from opportunities
    -- many-to-one: ranges of a rep do not overlap
    left join reps
        on opportunities.rep_id = reps.rep_id
        and opportunities.created_date between reps.valid_from and reps.valid_to

),

final as (

    select
        'deal_cycle' as distribution_id,
        opportunity_id as case_id,
        channel_id,
        coalesce(rep_id, 'unknown') as rep_id,
        team,
        -- a close date before the creation is no cycle
        cast(case when days < 0 then 0 else days end as {{ type_double() }})
            as observed_value,
        not is_open as is_finished,
        closed_date as event_date,
        acquired_date as cohort_date
    from cycles

    union all

    select
        'deal_amount' as distribution_id,
        opportunity_id as case_id,
        channel_id,
        coalesce(rep_id, 'unknown') as rep_id,
        team,
        cast(amount_jpy as {{ type_double() }}) as observed_value,
        true as is_finished,
        closed_date as event_date,
        acquired_date as cohort_date
    from cycles
    where is_won and amount_jpy is not null

)

select * from final

{#-
    Grain: one row per opportunity that has entered a stage.
    The only model that decides whether a deal is open, won or lost, and when it was
    closed: its latest outcome is its outcome, and earlier closes only count as
    reopenings (R13).
-#}
with

entries as (

    select * from {{ ref('int_opportunity_stage_events') }}

),

opportunities as (

    select * from {{ ref('int_opportunity_leads') }}

),

sequenced as (

    select
        *,
        lag(outcome) over (partition by opportunity_id order by entry_number)
            as previous_outcome,
        row_number() over (partition by opportunity_id order by entry_number desc)
            as entry_number_from_last
    from entries

),

-- a run begins where the outcome changes; the last one decides
folded as (

    select
        opportunity_id,
        max(case when entry_number_from_last = 1 then stage_id end) as stage_id,
        max(case when entry_number_from_last = 1 then outcome end) as outcome,
        max(
            case
                when previous_outcome is null or previous_outcome <> outcome
                    then entered_at
            end
        ) as outcome_at,
        min(case when is_at_or_beyond_proposal then entered_at end) as proposal_at,
        min(case when is_at_or_beyond_proposal then entry_number end)
            as proposal_entry_number,
        sum(
            case when outcome = 'open' and previous_outcome <> 'open' then 1 else 0 end
        ) as reopened_count
    from sequenced
    group by opportunity_id

),

final as (

    select
        -- ids
        folded.opportunity_id,
        proposals.owner_id as proposal_owner_id,

        -- texts
        folded.stage_id,
        folded.outcome,

        -- numerics
        cast(folded.reopened_count as bigint) as reopened_count,

        -- dates
        folded.outcome_at,
        folded.proposal_at,
        case
            when folded.outcome = 'open' then null
            -- the record's own close date, unless it speaks of a close yet to come
            when opportunities.close_date > {{ as_of_date() }}
                then {{ business_date('folded.outcome_at') }}
            else coalesce(
                opportunities.close_date, {{ business_date('folded.outcome_at') }}
            )
        end as closed_date
    from folded
    -- one-to-one
    left join opportunities
        on folded.opportunity_id = opportunities.opportunity_id
    -- one-to-one
    left join entries as proposals
        on folded.opportunity_id = proposals.opportunity_id
        and folded.proposal_entry_number = proposals.entry_number

)

select * from final

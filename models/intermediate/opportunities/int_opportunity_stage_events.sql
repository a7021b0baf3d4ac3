{#-
    Grain: one row per stage an opportunity entered, up to the as-of date.
    The history as extracted, and the record's own stage where the history does not know
    it: a deal without history, or one that the record calls won or lost and the history
    does not.
-#}
with

opportunities as (

    select
        *,
        least(
            {{ business_date('coalesce(updated_at, created_at)') }}, close_date
        ) as stated_date
    from {{ ref('int_unioned_opportunities') }}
    where
        not coalesce(is_deleted, false)
        and {{ business_date('created_at') }} <= {{ as_of_date() }}

),

history as (

    select * from {{ ref('int_unioned_opportunity_stage_history') }}

),

stages as (

    select
        *,
        case
            when is_won then 'won'
            when is_closed then 'lost'
            else 'open'
        end as outcome
    from {{ ref('opportunity_stages') }}

),

history_entries as (

    select
        opportunities.opportunity_id,
        {{ code_key('history.stage') }} as stage_code,
        stages.stage_id,
        stages.outcome,
        stages.stage_rank,
        stages.is_at_or_beyond_proposal,
        coalesce(history.owner_id, history.changed_by_id) as owner_id,
        history.entered_at
    from history
    -- many-to-one; inner, as deleted opportunities do not count
    inner join opportunities
        on history.opportunity_id = opportunities.opportunity_id
    left join stages
        on {{ code_key('history.stage') }} = stages.stage_code
        and {{ is_valid_on('stages', business_date('history.entered_at')) }}

),

last_entries as (

    select
        *,
        row_number() over (
            partition by opportunity_id
            order by entered_at desc, stage_rank desc, stage_code desc
        ) as entry_number_from_last
    from history_entries

),

records as (

    select
        opportunities.opportunity_id,
        {{ code_key('opportunities.stage') }} as stage_code,
        stages.stage_id,
        coalesce(
            stages.outcome,
            case
                when opportunities.is_won then 'won'
                when opportunities.is_closed then 'lost'
                else 'open'
            end
        ) as outcome,
        stages.stage_rank,
        stages.is_at_or_beyond_proposal,
        opportunities.owner_id,
        opportunities.close_date,
        coalesce(opportunities.updated_at, opportunities.created_at) as known_at
    from opportunities
    left join stages
        on {{ code_key('opportunities.stage') }} = stages.stage_code
        -- what the stage meant when the record was last known, or closed before
        and {{ is_valid_on('stages', 'opportunities.stated_date') }}

),

record_entries as (

    select
        records.opportunity_id,
        records.stage_code,
        records.stage_id,
        records.outcome,
        records.stage_rank,
        coalesce(records.is_at_or_beyond_proposal, records.outcome = 'won')
            as is_at_or_beyond_proposal,
        records.owner_id,
        last_entries.entered_at as last_entered_at,
        case
            when records.outcome <> 'open' and records.close_date is not null
                then {{ business_day_start('records.close_date') }}
            else records.known_at
        end as stated_at
    from records
    -- one-to-one
    left join last_entries
        on records.opportunity_id = last_entries.opportunity_id
        and last_entries.entry_number_from_last = 1
    where
        last_entries.opportunity_id is null
        or coalesce(last_entries.outcome, 'open') <> records.outcome

),

unioned as (

    select
        opportunity_id,
        stage_code,
        stage_id,
        outcome,
        stage_rank,
        is_at_or_beyond_proposal,
        owner_id,
        entered_at,
        false as is_from_record
    from history_entries

    union all

    select
        opportunity_id,
        stage_code,
        stage_id,
        outcome,
        stage_rank,
        is_at_or_beyond_proposal,
        owner_id,
        -- the record is newer than the history that it contradicts
        case
            when last_entered_at > stated_at then last_entered_at else stated_at
        end as entered_at,
        true as is_from_record
    from record_entries

),

final as (

    select
        -- ids
        opportunity_id,
        owner_id,

        -- texts
        stage_code,
        case
            when stage_code is null then 'unknown' else coalesce(stage_id, 'unmapped')
        end as stage_id,
        coalesce(outcome, 'open') as outcome,

        -- numerics
        row_number() over (
            partition by opportunity_id
            order by entered_at, is_from_record, stage_rank, stage_code
        ) as entry_number,

        -- booleans
        coalesce(is_at_or_beyond_proposal, false) as is_at_or_beyond_proposal,
        is_from_record,

        -- dates
        entered_at
    from unioned
    where {{ business_date('entered_at') }} <= {{ as_of_date() }}

)

select * from final

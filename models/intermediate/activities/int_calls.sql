{#-
    Grain: one row per call that took place, whoever logged it (R4, R5).
    The only model that decides whether a call was connected, and whom it reached (R7).
    The dialer's time and answer win; the CRM's outcome, target flag and lead win. A call
    that no record gives a lead finds it by the other side's number.
-#}
with

logged_calls as (

    select * from {{ ref('int_logged_calls') }}

),

duplicates as (

    select * from {{ ref('int_call_duplicates') }}

),

lead_phones as (

    select * from {{ ref('int_lead_phones') }}

),

outcomes as (

    select * from {{ ref('call_outcomes') }}

),

-- the CRM's records of one call in order; a record that is kept is its own first one
crm_records as (

    select
        logged_calls.*,
        coalesce(duplicates.kept_call_id, logged_calls.call_id) as kept_call_id,
        row_number() over (
            partition by coalesce(duplicates.kept_call_id, logged_calls.call_id)
            order by logged_calls.started_at, logged_calls.call_id
        ) as record_number
    from logged_calls
    -- one-to-one
    left join duplicates on logged_calls.call_id = duplicates.duplicate_call_id
    where logged_calls.logged_by = 'crm'

),

-- the first record that says it, for what an earlier one leaves empty
speaking_records as (

    select
        kept_call_id,
        min(case when source_lead_id is not null then record_number end)
            as lead_record,
        min(case when rep_id is not null then record_number end) as rep_record,
        min(case when direction is not null then record_number end)
            as direction_record,
        min(case when disposition_code is not null then record_number end)
            as disposition_record,
        min(case when reached is not null then record_number end) as reached_record
    from crm_records
    group by kept_call_id

),

crm_notes as (

    select
        records.kept_call_id,
        max(
            case
                when records.record_number = speaking.lead_record
                    then records.source_lead_id
            end
        ) as source_lead_id,
        max(
            case
                when records.record_number = speaking.rep_record then records.rep_id
            end
        ) as rep_id,
        max(
            case
                when records.record_number = speaking.direction_record
                    then records.direction
            end
        ) as direction,
        max(
            case
                when records.record_number = speaking.disposition_record
                    then records.disposition_code
            end
        ) as disposition_code,
        max(
            case
                when records.record_number = speaking.reached_record
                    then records.reached
            end
        ) as reached,
        {{ bool_or_known('records.information_exchanged') }} as information_exchanged,
        {{ bool_or_known('records.need_recorded') }} as need_recorded,
        {{ bool_or_known('records.is_internal') }} as is_internal
    from crm_records as records
    inner join speaking_records as speaking
        on records.kept_call_id = speaking.kept_call_id
    group by records.kept_call_id

),

calls as (

    select
        logged_calls.call_id,
        logged_calls.logged_by,
        logged_calls.source_system,
        logged_calls.source_object,
        logged_calls.source_file,
        logged_calls.source_row,
        logged_calls.leg_count,
        logged_calls.is_internal or coalesce(crm_notes.is_internal, false)
            as is_internal,
        logged_calls.started_at,
        logged_calls.answered_at,
        logged_calls.ended_at,
        -- the dialer's own, where it has them
        coalesce(logged_calls.rep_id, crm_notes.rep_id) as rep_id,
        coalesce(logged_calls.direction, crm_notes.direction) as direction,
        coalesce(crm_notes.source_lead_id, logged_calls.source_lead_id)
            as stated_lead_id,
        case
            when crm_notes.source_lead_id is null then 'id'
            when logged_calls.logged_by = 'crm' then 'id'
            when logged_calls.source_lead_id = crm_notes.source_lead_id then 'id'
            else 'crm_record'
        end as stated_by,
        case
            when
                crm_notes.source_lead_id is null
                and logged_calls.source_lead_id is null
                then
                    case
                        when
                            coalesce(logged_calls.direction, crm_notes.direction)
                            = 'inbound'
                            then logged_calls.from_number
                        else logged_calls.to_number
                    end
        end as number_to_match,
        coalesce(crm_notes.disposition_code, logged_calls.disposition_code)
            as disposition_code,
        coalesce(crm_notes.reached, logged_calls.reached) as stated_reached,
        coalesce(crm_notes.information_exchanged, logged_calls.information_exchanged)
            as stated_information_exchanged,
        coalesce(crm_notes.need_recorded, logged_calls.need_recorded)
            as stated_need_recorded
    from logged_calls
    -- one-to-one: duplicates fall away
    left join duplicates on logged_calls.call_id = duplicates.duplicate_call_id
    -- one-to-one
    left join crm_notes on logged_calls.call_id = crm_notes.kept_call_id
    where duplicates.duplicate_call_id is null

),

judged as (

    select
        calls.*,
        coalesce(calls.stated_lead_id, lead_phones.lead_key) as source_lead_id,
        case when lead_phones.lead_key is null then lead_phones.account_id end
            as matched_account_id,
        case
            when calls.stated_lead_id is not null then calls.stated_by
            when lead_phones.lead_key is not null then 'phone'
            when lead_phones.account_id is not null then 'account_phone'
        end as lead_match_method,
        case
            when calls.disposition_code is null then null
            else coalesce(outcomes.outcome_code, 'unmapped')
        end as outcome_code,
        coalesce(calls.stated_reached, outcomes.reached) as reached,
        -- an unmapped outcome earns nothing by itself
        case
            when calls.disposition_code is null then true
            else coalesce(outcomes.is_connected, false)
        end as is_outcome_connected,
        coalesce(outcomes.is_connected, false) as is_stated_connected,
        coalesce(outcomes.is_excluded, false) as is_excluded_outcome,
        coalesce(
            calls.stated_information_exchanged, outcomes.information_exchanged, false
        ) as information_exchanged,
        coalesce(calls.stated_need_recorded, outcomes.need_recorded, false)
            as need_recorded,
        coalesce(calls.stated_reached in ('target', 'gatekeeper', 'other'), false)
            as is_stated_person
    from calls
    -- many-to-one
    left join lead_phones on calls.number_to_match = lead_phones.phone
    -- many-to-one; left, so that an unmapped outcome stays visible
    left join outcomes
        on calls.disposition_code = outcomes.disposition_code
        and {{ is_valid_on('outcomes', business_date('calls.started_at')) }}

),

answered as (

    select
        *,
        -- a dialer knows whether it was answered; a log by hand says so by its outcome
        answered_at is not null
        or (
            coalesce(logged_by, 'crm') = 'crm'
            and (is_stated_connected or is_stated_person)
        ) as is_answered
    from judged

),

connected as (

    select
        *,
        is_answered
        and coalesce(reached <> 'machine', true)
        and (
            is_outcome_connected
            or (outcome_code = 'unmapped' and is_stated_person)
        ) as is_connected
    from answered

),

final as (

    select
        -- ids
        call_id,
        source_lead_id,
        matched_account_id,
        rep_id,

        -- texts
        lead_match_method,
        direction,
        disposition_code,
        outcome_code,
        reached,
        source_system,
        source_object,
        source_file,
        case
            when is_internal or direction = 'internal' then 'internal_call'
            when is_excluded_outcome then 'test_or_monitoring_call'
            when {{ business_date('started_at') }} > {{ as_of_date() }}
                then 'after_as_of_date'
        end as exclusion_rule,

        -- numerics
        leg_count,
        source_row,
        -- talk time; a call that nobody answered has none
        case
            when is_answered
                then cast(
                    {{ epoch_seconds('ended_at') }}
                    - {{ epoch_seconds('coalesce(answered_at, started_at)') }} as bigint
                )
        end as duration_seconds,

        -- booleans
        is_connected,
        is_connected and coalesce(reached = 'target', false) as is_target_reached,
        information_exchanged,
        need_recorded,
        coalesce(logged_by = 'crm', false) as is_manual,

        -- dates
        started_at,
        {{ business_date('started_at') }} as started_date
    from connected

)

select * from final

{#-
    Grain: one row per rule and record that contradicts itself or another one.
    The records themselves are kept and counted as they are; mending is for the source.
-#}
with

emails as (

    select * from {{ ref('int_unioned_emails') }}

),

single_emails as (

    select
        message_id,
        max(recipient) as recipient
    from emails
    group by message_id
    having count(*) = 1

),

events_of_missing_leads as (

    select
        activities.source_system,
        case activities.activity_type
            when 'touch' then 'touches' else activities.activity_type || 's'
        end as object,
        min(activities.source_id) as source_id,
        count(*) as row_count
    from {{ ref('int_activities') }} as activities
    left join {{ ref('int_lead_identities') }} as identities
        on activities.lead_key = identities.lead_key
    where activities.lead_key is not null and identities.lead_key is null
    group by
        activities.source_system,
        case activities.activity_type
            when 'touch' then 'touches' else activities.activity_type || 's'
        end

),

calls_by_day as (

    select
        rep_id,
        activity_date,
        count(*) as call_count
    from {{ ref('int_activities') }}
    where activity_type = 'call' and direction = 'outbound' and rep_id is not null
    group by rep_id, activity_date

),

hours_by_day as (

    select
        rep_id,
        work_date,
        sum(working_hours) as working_hours
    from {{ ref('stg_planning__attendance') }}
    where is_accepted
    group by rep_id, work_date

),

-- without any attendance there is nothing to hold calls against
attendance_known as (

    select count(*) > 0 as is_known from hours_by_day

),

call_chains as (

    {{ resolve_chain(
        ref('int_unioned_calls'), 'call_id', 'parent_call_id'
    ) }}

),

findings as (

    select
        source_system,
        object,
        source_id,
        'lead_in_no_extract' as rule,
        cast(row_count as {{ dbt.type_string() }}) || ' rows' as detail
    from events_of_missing_leads

    union all

    select
        events.source_system,
        'email_events' as object,
        events.event_id as source_id,
        'email_event_without_message' as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from {{ ref('int_unioned_email_events') }} as events
    left join emails
        on events.message_id = emails.message_id
        and lower(events.recipient) = lower(emails.recipient)
    left join single_emails on events.message_id = single_emails.message_id
    where
        emails.message_id is null
        -- what one side leaves empty is the only recipient's
        and (
            single_emails.message_id is null
            or (events.recipient is not null and single_emails.recipient is not null)
        )

    union all

    select
        source_system,
        'leads' as object,
        source_lead_id as source_id,
        case
            when is_merge_cycle then 'merge_cycle'
            else 'merge_target_missing'
        end as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from {{ ref('int_lead_identities') }}
    where is_merge_cycle or is_merge_target_missing

    union all

    select
        legs.source_system,
        'calls' as object,
        legs.call_id as source_id,
        'call_leg_cycle' as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from call_chains
    -- one-to-one
    inner join {{ ref('int_unioned_calls') }} as legs on call_chains.id = legs.call_id
    where call_chains.is_cycle

    union all

    select
        source_system,
        'emails' as object,
        source_id,
        'open_on_bounced_message' as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from {{ ref('int_emails') }}
    where is_bounced_and_opened and exclusion_rule is null

    union all

    select
        'planning' as source_system,
        'attendance' as object,
        calls_by_day.rep_id as source_id,
        'calls_without_working_hours' as rule,
        cast(calls_by_day.call_count as {{ dbt.type_string() }}) || ' calls on '
        || cast(calls_by_day.activity_date as {{ dbt.type_string() }}) as detail
    from calls_by_day
    -- one-to-one
    left join hours_by_day
        on calls_by_day.rep_id = hours_by_day.rep_id
        and calls_by_day.activity_date = hours_by_day.work_date
    cross join attendance_known
    where attendance_known.is_known and coalesce(hours_by_day.working_hours, 0) = 0

    union all

    select
        opportunities.source_system,
        'opportunities' as object,
        opportunities.opportunity_id as source_id,
        'won_before_lead_created' as rule,
        'closed ' || cast(opportunities.closed_date as {{ dbt.type_string() }})
        || ', lead created '
        || cast(opportunities.acquired_date as {{ dbt.type_string() }}) as detail
    from {{ ref('int_opportunities') }} as opportunities
    where
        opportunities.is_won and opportunities.closed_date < opportunities.acquired_date

    union all

    select
        source_system,
        'opportunities' as object,
        opportunity_id as source_id,
        'won_without_amount' as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from {{ ref('int_opportunities') }}
    where is_won and amount is null

    union all

    select
        source_system,
        'opportunities' as object,
        opportunity_id as source_id,
        'fx_rate_missing' as rule,
        currency as detail
    from {{ ref('int_opportunities') }}
    where amount is not null and fx_rate is null

    union all

    select
        opportunities.source_system,
        'opportunities' as object,
        opportunities.opportunity_id as source_id,
        'stage_taken_from_record' as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from {{ ref('int_opportunity_stage_events') }} as stage_events
    -- many-to-one
    inner join {{ ref('int_opportunities') }} as opportunities
        on stage_events.opportunity_id = opportunities.opportunity_id
    where stage_events.is_from_record

    union all

    select
        source_system,
        'appointments' as object,
        appointment_id as source_id,
        case
            when outcome = 'held' then 'judgement_without_date'
            else 'judgement_without_meeting'
        end as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from {{ ref('int_appointments') }}
    where
        source_judgement_code is not null
        -- a judgement that is dated after the as-of date is simply not made yet
        and not is_judgement_ahead
        and not (outcome = 'held' and judged_at is not null)

),

final as (

    select
        source_system,
        object,
        source_id,
        rule,
        detail
    from findings

)

select * from final

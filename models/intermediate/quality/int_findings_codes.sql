{#-
    Grain: one row per object, rule and code that no mapping knows (R8), with how many
    rows have it.
    The code itself is shown, cut to 60 characters: without it nobody could mend the
    mapping.
-#}
with

codes as (

    select
        'leads' as object,
        'unmapped_lead_source' as rule,
        {{ code_key('leads.source') }} as code
    from {{ ref('stg_generic__leads') }} as leads
    left join {{ ref('lead_sources') }} as mapping
        on {{ code_key('leads.source') }} = mapping.source_code
    where leads.is_accepted and mapping.source_code is null

    union all

    select
        'leads' as object,
        'unmapped_lead_source' as rule,
        {{ code_key('leads.latest_source') }} as code
    from {{ ref('stg_generic__leads') }} as leads
    left join {{ ref('lead_sources') }} as mapping
        on {{ code_key('leads.latest_source') }} = mapping.source_code
    where
        leads.is_accepted
        and mapping.source_code is null
        -- the same gap is told once per lead
        and {{ code_key('leads.latest_source') }}
        is distinct from {{ code_key('leads.source') }}

    union all

    select
        'lead_status_history' as object,
        'unmapped_lead_status' as rule,
        {{ code_key('history.status') }} as code
    from {{ ref('stg_generic__lead_status_history') }} as history
    left join {{ ref('lead_statuses') }} as mapping
        on {{ code_key('history.status') }} = mapping.status_code
    where history.is_accepted and mapping.status_code is null

    union all

    select
        'calls' as object,
        'unmapped_call_outcome' as rule,
        disposition_code as code
    from {{ ref('int_calls') }}
    where outcome_code = 'unmapped'

    union all

    select
        'calls' as object,
        'unmapped_direction' as rule,
        coalesce({{ code_key('legs.direction') }}, '(empty)') as code
    from {{ ref('int_calls') }} as calls
    -- left, as the first leg of a call may be in no extract
    left join {{ ref('stg_generic__calls') }} as legs
        on calls.call_id = legs.call_id and legs.is_accepted
    where calls.direction is null and calls.exclusion_rule is null

    union all

    select
        'calls' as object,
        'unmapped_reached' as rule,
        {{ code_key('calls.reached') }} as code
    from {{ ref('stg_generic__calls') }} as calls
    where
        calls.is_accepted
        and {{ code_key('calls.reached') }}
        not in ('target', 'gatekeeper', 'other', 'machine')

    union all

    select
        'emails' as object,
        'unmapped_email_kind' as rule,
        coalesce({{ code_key('emails.kind') }}, '(empty)') as code
    from {{ ref('stg_generic__emails') }} as emails
    where
        emails.is_accepted
        and coalesce({{ code_key('emails.kind') }}, '(empty)')
        not in ('one_to_one', 'bulk', 'auto_reply')

    union all

    select
        'email_events' as object,
        'unmapped_email_event' as rule,
        coalesce({{ code_key('events.event') }}, '(empty)') as code
    from {{ ref('stg_generic__email_events') }} as events
    where
        events.is_accepted
        and coalesce({{ code_key('events.event') }}, '(empty)') not in (
            'delivered', 'bounce', 'open', 'click', 'reply', 'auto_reply', 'unsubscribe'
        )

    union all

    select
        'touches' as object,
        'unmapped_activity_channel' as rule,
        coalesce({{ code_key('touches.activity_channel') }}, '(empty)') as code
    from {{ ref('stg_generic__touches') }} as touches
    where
        touches.is_accepted
        and coalesce({{ code_key('touches.activity_channel') }}, '(empty)') not in (
            'dm', 'form', 'sns', 'sms', 'letter', 'web_meeting', 'visit'
        )

    union all

    select
        'appointments' as object,
        'unmapped_meeting_outcome' as rule,
        source_outcome_code as code
    from {{ ref('int_appointments') }}
    where outcome = 'unmapped'

    union all

    select
        'appointments' as object,
        'unmapped_meeting_judgement' as rule,
        source_judgement_code as code
    from {{ ref('int_appointments') }}
    where judgement = 'unmapped'

    union all

    select
        'opportunity_stage_history' as object,
        'unmapped_opportunity_stage' as rule,
        stage_code as code
    from {{ ref('int_opportunity_stage_events') }}
    where stage_id = 'unmapped'

    union all

    select
        'users' as object,
        'unmapped_department' as rule,
        {{ code_key('department') }} as code
    from {{ ref('int_rep_validity') }}
    where department_id = 'unmapped'

),

final as (

    select
        object,
        rule,
        substr(code, 1, 60) as code,
        count(*) as row_count
    from codes
    where code is not null
    group by object, rule, substr(code, 1, 60)

)

select * from final

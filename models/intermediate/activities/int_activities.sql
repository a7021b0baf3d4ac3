{#-
    Grain: one row per approach, inbound call or appointment that counts.
    Calls, mails, touches and appointments in one shape, with the lead they belong to
    and their place in its engagement cycle. Approaches are dials, 1:1 mails and
    outbound touches: a mail to many is no approach to anybody.
-#}
with

calls as (

    select * from {{ ref('int_calls') }} where exclusion_rule is null

),

emails as (

    select * from {{ ref('int_emails') }} where exclusion_rule is null

),

touches as (

    select * from {{ ref('int_touches') }} where exclusion_rule is null

),

appointments as (

    select * from {{ ref('int_appointments') }} where exclusion_rule is null

),

identities as (

    select * from {{ ref('int_lead_identities') }}

),

cycles as (

    select * from {{ ref('int_lead_cycles') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

unioned as (

    select
        source_system || ':call:' || call_id as activity_id,
        'call' as activity_type,
        'phone' as activity_channel,
        direction,
        source_system,
        call_id as source_id,
        source_lead_id,
        matched_account_id,
        lead_match_method,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        rep_id,
        outcome_code,
        duration_seconds,
        coalesce(direction = 'outbound', false) as is_approach,
        coalesce(direction = 'outbound', false) as is_approach_to_person,
        is_connected,
        is_target_reached and coalesce(direction = 'outbound', false)
            as is_person_reached,
        is_connected as is_contact,
        information_exchanged,
        need_recorded,
        cast(null as boolean) as is_delivered,
        cast(null as boolean) as is_bounced,
        cast(null as boolean) as is_opened,
        cast(null as boolean) as is_machine_opened,
        cast(null as boolean) as is_clicked,
        cast(null as boolean) as is_replied,
        is_manual,
        started_at as occurred_at,
        started_date as activity_date
    from calls

    union all

    select
        source_system || ':email:' || source_id as activity_id,
        'email' as activity_type,
        'email' as activity_channel,
        'outbound' as direction,
        source_system,
        source_id,
        source_lead_id,
        cast(null as {{ dbt.type_string() }}) as matched_account_id,
        lead_match_method,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        rep_id,
        kind as outcome_code,
        cast(null as bigint) as duration_seconds,
        kind = 'one_to_one' as is_approach,
        kind = 'one_to_one' and is_delivered as is_approach_to_person,
        false as is_connected,
        kind = 'one_to_one' and is_replied as is_person_reached,
        is_replied as is_contact,
        information_exchanged,
        false as need_recorded,
        is_delivered,
        is_bounced,
        is_opened,
        is_machine_opened,
        is_clicked,
        is_replied,
        false as is_manual,
        sent_at as occurred_at,
        sent_date as activity_date
    from emails

    union all

    select
        source_system || ':touch:' || touch_id as activity_id,
        'touch' as activity_type,
        activity_channel,
        direction,
        source_system,
        touch_id as source_id,
        source_lead_id,
        cast(null as {{ dbt.type_string() }}) as matched_account_id,
        'id' as lead_match_method,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        rep_id,
        cast(null as {{ dbt.type_string() }}) as outcome_code,
        cast(null as bigint) as duration_seconds,
        direction = 'outbound' as is_approach,
        direction = 'outbound' and activity_channel = 'dm' as is_approach_to_person,
        false as is_connected,
        direction = 'outbound' and activity_channel = 'dm' and is_replied
            as is_person_reached,
        is_replied as is_contact,
        information_exchanged,
        need_recorded,
        cast(null as boolean) as is_delivered,
        cast(null as boolean) as is_bounced,
        cast(null as boolean) as is_opened,
        cast(null as boolean) as is_machine_opened,
        cast(null as boolean) as is_clicked,
        is_replied,
        false as is_manual,
        occurred_at,
        occurred_date as activity_date
    from touches

    union all

    select
        source_system || ':appointment:' || appointment_id as activity_id,
        'appointment' as activity_type,
        cast(null as {{ dbt.type_string() }}) as activity_channel,
        cast(null as {{ dbt.type_string() }}) as direction,
        source_system,
        appointment_id as source_id,
        source_lead_id,
        cast(null as {{ dbt.type_string() }}) as matched_account_id,
        'id' as lead_match_method,
        opportunity_id,
        booked_by_id as rep_id,
        outcome as outcome_code,
        cast(null as bigint) as duration_seconds,
        false as is_approach,
        false as is_approach_to_person,
        false as is_connected,
        false as is_person_reached,
        false as is_contact,
        false as information_exchanged,
        false as need_recorded,
        cast(null as boolean) as is_delivered,
        cast(null as boolean) as is_bounced,
        cast(null as boolean) as is_opened,
        cast(null as boolean) as is_machine_opened,
        cast(null as boolean) as is_clicked,
        cast(null as boolean) as is_replied,
        false as is_manual,
        booked_at as occurred_at,
        booked_date as activity_date
    from appointments

),

with_lead as (

    select
        unioned.*,
        -- an id that is in no extract still tells its events from those of others
        coalesce(identities.lead_key, unioned.source_lead_id) as lead_key,
        identities.lead_id,
        coalesce(identities.account_id, unioned.matched_account_id) as account_id,
        case
            when identities.source_lead_id is not null then unioned.lead_match_method
            when unioned.matched_account_id is not null then 'account_phone'
            else 'none'
        end as matched_by,
        coalesce(identities.channel_id, 'unknown') as channel_id,
        identities.acquired_date,
        coalesce(identities.is_target, true) as is_target
    from unioned
    -- many-to-one; left, so that events of unknown leads stay
    left join identities on unioned.source_lead_id = identities.source_lead_id

),

with_cycle as (

    select
        with_lead.*,
        coalesce(cycles.cycle_number, 1) as cycle_number,
        coalesce(reps.team, 'unknown') as team,
        coalesce(reps.is_inside_sales, false) as is_inside_sales
    from with_lead
    -- many-to-one: cycles of a lead do not overlap
    left join cycles
        on with_lead.lead_key = cycles.lead_key
        and with_lead.occurred_at >= cycles.started_at
        and (with_lead.occurred_at < cycles.ended_at or cycles.ended_at is null)
    -- many-to-one: ranges of a rep do not overlap
    left join reps
        on with_lead.rep_id = reps.rep_id
        and with_lead.activity_date between reps.valid_from and reps.valid_to

),

-- apart and narrow, as numbering sorts whatever is with it
approaches as (

    select
        activity_id,
        row_number() over (
            partition by lead_key, cycle_number order by occurred_at, activity_id
        ) as touch_number,
        -- whether an earlier approach of the cycle got through to somebody
        coalesce(
            max(case when is_contact then 1 else 0 end) over (
                partition by lead_key, cycle_number
                order by occurred_at, activity_id
                rows between unbounded preceding and 1 preceding
            ), 0
        ) = 1 as has_earlier_contact
    from with_cycle
    where is_approach and lead_key is not null

),

numbered as (

    select
        with_cycle.*,
        approaches.touch_number,
        approaches.has_earlier_contact
    from with_cycle
    -- one-to-one; left, as not all are approaches
    left join approaches on with_cycle.activity_id = approaches.activity_id

),

followed as (

    select
        numbered.*,
        coalesce(
            case agreements.follow_up_starts
                when 'after_first_contact'
                    then numbered.touch_number >= 2 and numbered.has_earlier_contact
                else numbered.touch_number >= 2
            end, false
        ) as is_follow_up
    from numbered
    -- many-to-one
    left join agreements on numbered.activity_date = agreements.date_day

),

final as (

    select
        -- ids
        activity_id,
        source_id,
        lead_key,
        lead_id,
        account_id,
        opportunity_id,
        rep_id,
        channel_id,

        -- texts
        activity_type,
        activity_channel,
        direction,
        source_system,
        outcome_code,
        team,
        matched_by as lead_match_method,

        -- numerics
        cycle_number,
        touch_number,
        duration_seconds,

        -- booleans
        is_approach,
        is_approach_to_person and is_target as is_approach_to_target,
        is_follow_up,
        is_connected,
        is_person_reached and is_target as is_target_connected,
        is_follow_up and information_exchanged as is_connector,
        is_person_reached and is_target and need_recorded as is_effective_conversation,
        is_inside_sales,
        is_delivered,
        is_bounced,
        is_opened,
        is_machine_opened,
        is_clicked,
        is_replied,
        is_manual,

        -- dates
        occurred_at,
        activity_date,
        acquired_date
    from followed

)

select * from final

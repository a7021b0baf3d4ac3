{#-
    Grain: one row per call as one system logged it, its legs folded (R4).
    Who called whom is the first leg's; the call begins with the earliest leg and ends
    with the latest; what happened on any leg happened on the call.
-#}
with

legs as (

    select * from {{ ref('int_unioned_calls') }}

),

multiple_legs as (

    select * from {{ ref('int_call_legs') }}

),

rep_emails as (

    select * from {{ ref('int_rep_emails') }}

),

ranked_legs as (

    select
        legs.*,
        coalesce(legs.rep_id, rep_emails.rep_id) as known_rep_id,
        multiple_legs.call_id as folded_call_id,
        row_number() over (
            partition by multiple_legs.call_id
            order by
                case when legs.call_id = multiple_legs.call_id then 0 else 1 end,
                legs.started_at,
                legs.call_id
        ) as leg_number
    from legs
    inner join multiple_legs on legs.call_id = multiple_legs.leg_id
    -- many-to-one
    left join rep_emails on legs.rep_email = rep_emails.email

),

-- the first leg that says it, for what the first leg of all may leave empty
speaking_legs as (

    select
        folded_call_id,
        min(case when lead_id is not null then leg_number end) as lead_leg,
        min(case when disposition is not null then leg_number end) as disposition_leg,
        min(case when reached is not null then leg_number end) as reached_leg,
        min(case when external_call_id is not null then leg_number end) as external_leg,
        min(case when direction is not null then leg_number end) as direction_leg
    from ranked_legs
    group by folded_call_id

),

told_legs as (

    select
        ranked_legs.*,
        speaking_legs.lead_leg,
        speaking_legs.disposition_leg,
        speaking_legs.reached_leg,
        speaking_legs.external_leg,
        speaking_legs.direction_leg
    from ranked_legs
    -- many-to-one
    inner join speaking_legs
        on ranked_legs.folded_call_id = speaking_legs.folded_call_id

),

folded as (

    select
        folded_call_id as call_id,
        max(case when leg_number = lead_leg then lead_id end) as source_lead_id,
        max(case when leg_number = 1 then known_rep_id end) as rep_id,
        max(case when leg_number = direction_leg then direction end) as direction,
        max(case when leg_number = 1 then from_number end) as from_number,
        max(case when leg_number = 1 then to_number end) as to_number,
        max(case when leg_number = disposition_leg then disposition end) as disposition,
        max(case when leg_number = reached_leg then reached end) as reached,
        max(case when leg_number = 1 then logged_by end) as logged_by,
        max(case when leg_number = external_leg then external_call_id end)
            as external_call_id,
        max(case when leg_number = 1 then source_system end) as source_system,
        max(case when leg_number = 1 then source_object end) as source_object,
        max(case when leg_number = 1 then source_file end) as source_file,
        count(*) as leg_count,
        max(case when leg_number = 1 then source_row end) as source_row,
        {{ bool_or_known('information_exchanged') }} as information_exchanged,
        {{ bool_or_known('need_recorded') }} as need_recorded,
        coalesce(
            max(case when leg_number = 1 and is_internal then 1 else 0 end) = 1, false
        ) as is_internal,
        min(started_at) as started_at,
        min(answered_at) as answered_at,
        max(ended_at) as ended_at
    from told_legs
    group by folded_call_id

),

single as (

    select
        legs.call_id,
        legs.lead_id as source_lead_id,
        coalesce(legs.rep_id, rep_emails.rep_id) as rep_id,
        legs.direction,
        legs.from_number,
        legs.to_number,
        legs.disposition,
        legs.reached,
        legs.logged_by,
        legs.external_call_id,
        legs.source_system,
        legs.source_object,
        legs.source_file,
        cast(1 as bigint) as leg_count,
        legs.source_row,
        legs.information_exchanged,
        legs.need_recorded,
        coalesce(legs.is_internal, false) as is_internal,
        legs.started_at,
        legs.answered_at,
        legs.ended_at
    from legs
    left join multiple_legs on legs.call_id = multiple_legs.leg_id
    -- many-to-one
    left join rep_emails on legs.rep_email = rep_emails.email
    where multiple_legs.leg_id is null

),

unioned as (

    select * from single

    union all

    select * from folded

),

final as (

    select
        -- ids
        unioned.call_id,
        unioned.source_lead_id,
        unioned.rep_id,
        unioned.external_call_id,

        -- texts
        case {{ code_key('unioned.direction') }}
            when 'outbound' then 'outbound'
            when 'inbound' then 'inbound'
            when 'internal' then 'internal'
        end as direction,
        unioned.from_number,
        unioned.to_number,
        {{ code_key('unioned.disposition') }} as disposition_code,
        case {{ code_key('unioned.reached') }}
            when 'target' then 'target'
            when 'gatekeeper' then 'gatekeeper'
            when 'other' then 'other'
            when 'machine' then 'machine'
        end as reached,
        -- what does not say who logged it is matched as the dialer's own record
        case {{ code_key('unioned.logged_by') }}
            when 'crm' then 'crm'
            when 'dialer' then 'dialer'
        end as logged_by,
        unioned.source_system,
        unioned.source_object,
        unioned.source_file,

        -- numerics
        unioned.leg_count,
        unioned.source_row,

        -- booleans
        unioned.information_exchanged,
        unioned.need_recorded,
        unioned.is_internal,

        -- dates
        unioned.started_at,
        unioned.answered_at,
        unioned.ended_at
    from unioned

)

select * from final

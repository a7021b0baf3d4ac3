{#-
    Grain: one row per accepted task.
    The only model that decides what a task is: common_object names the one that it feeds,
    fate the rule by which it feeds none; one of the two is always empty.

    What it is: Type says it, else a subtype that is more than "task", else that CallType
    is filled. When: a time of its own, else the completion or the creation, both less the
    duration, as a call is logged when it ends. ActivityDate is the due date and says
    neither.
-#}
{#- Longer is no duration of a call in seconds; milliseconds are taken for one. -#}
{%- set longest_call_seconds = 86400 -%}
{%- set code_columns = ['type', 'task_subtype', 'call_type', 'direction'] -%}
with

tasks as (

    select
        *,
        case
            when call_duration_in_seconds between 0 and {{ longest_call_seconds }}
                then cast(call_duration_in_seconds as integer)
        end as duration_seconds
    from {{ ref('base_salesforce__task') }}
    where is_accepted

),

codes as (

    select * from {{ ref('activity_types') }}

),

people as (

    select * from {{ ref('base_salesforce__people') }}

),

timed as (

    select
        *,
        coalesce(
            started_at,
            {{ dbt.dateadd(
                'second',
                '-coalesce(duration_seconds, 0)',
                'coalesce(completed_date_time, created_date)'
            ) }}
        ) as began_at,
        {{ code_key('type') }} as type_code,
        {{ code_key('task_subtype') }} as task_subtype_code,
        {{ code_key('call_type') }} as call_type_code,
        {{ code_key('direction') }} as direction_code,
        {{ code_key('status') }} as status_code
    from tasks

),

coded as (

    select
        timed.*,
        type_codes.record_kind as type_kind,
        type_codes.activity_channel as type_channel,
        task_subtype_codes.record_kind as subtype_kind,
        task_subtype_codes.activity_channel as subtype_channel,
        -- a direction that no row knows keeps its own name, and is reported
        coalesce(
            call_type_codes.direction,
            timed.call_type_code,
            direction_codes.direction,
            timed.direction_code,
            type_codes.direction,
            task_subtype_codes.direction
        ) as stated_direction,
        coalesce(timed.is_closed, false)
        or coalesce(status_codes.record_kind = 'completed', false) as is_done
    from timed
    {%- for column in code_columns %}
    -- many-to-one
    left join codes as {{ column }}_codes
        on {{ column }}_codes.activity_code
        = 'task.{{ 'call_type' if column == 'direction' else column }}='
        || timed.{{ column }}_code
        and {{ is_valid_on(column ~ '_codes', business_date('timed.began_at')) }}
    {%- endfor %}
    -- many-to-one
    left join codes as status_codes
        on status_codes.activity_code = 'task.status=' || timed.status_code
        and {{ is_valid_on('status_codes', business_date('timed.began_at')) }}

),

kinds as (

    select
        *,
        case
            when type_kind is not null then type_kind
            when subtype_kind <> 'no_approach' then subtype_kind
            when call_type_code is not null then 'call'
            when type_code is not null then 'unmapped'
            when subtype_kind is not null then subtype_kind
            when task_subtype_code is not null then 'unmapped'
            else 'no_approach'
        end as record_kind,
        case
            when type_kind is not null then type_channel
            else subtype_channel
        end as activity_channel
    from coded

),

addressed as (

    select
        kinds.*,
        people.email as recipient,
        people.phone as phone,
        case
            -- what a customer wrote is an answer, however it was logged
            when
                kinds.record_kind in ('email', 'email_bulk')
                and kinds.stated_direction = 'inbound'
                then 'email_reply'
            else kinds.record_kind
        end as activity_kind,
        case
            when coalesce(kinds.is_deleted, false) then 'deleted_in_source'
            when not kinds.is_done then 'open_task'
            when kinds.record_kind = 'unmapped' then 'unmapped_activity_type'
            when kinds.record_kind = 'no_approach' then 'no_approach'
        end as left_out_by
    from kinds
    -- many-to-one
    left join people on kinds.who_id = people.person_id

),

-- one mail to one address that two tools logged, each with the message's own id
numbered_mails as (

    select
        id,
        row_number() over (
            partition by message_id, recipient order by began_at, id
        ) as mail_number
    from addressed
    where
        left_out_by is null
        and activity_kind in ('email', 'email_bulk')
        and message_id is not null

),

repeated_mails as (

    select
        id,
        'logged_twice' as fate
    from numbered_mails
    where mail_number > 1

),

final as (

    select
        -- ids
        addressed.id,
        addressed.who_id,
        addressed.owner_id,
        addressed.message_id,
        addressed.call_object,

        -- texts
        addressed.source_system,
        addressed.source_object,
        addressed.source_file,
        coalesce(addressed.left_out_by, repeated_mails.fate) as fate,
        case
            when coalesce(addressed.left_out_by, repeated_mails.fate) is not null
                then null
            when addressed.activity_kind = 'call' then 'calls'
            when addressed.activity_kind in ('email', 'email_bulk') then 'emails'
            when addressed.activity_kind in ('email_reply', 'email_auto_reply')
                then 'email_events'
            else 'touches'
        end as common_object,
        addressed.activity_kind,
        addressed.activity_channel,
        addressed.stated_direction as direction,
        addressed.type_code,
        addressed.task_subtype_code,
        addressed.recipient,
        addressed.phone,
        addressed.call_disposition,
        addressed.reached,

        -- numerics
        addressed.source_row,
        addressed.duration_seconds,

        -- booleans
        addressed.is_internal,
        addressed.information_exchanged,
        addressed.need_recorded,
        addressed.call_duration_in_seconds is not null
        and addressed.duration_seconds is null as is_duration_out_of_range,

        -- dates
        addressed.began_at,
        addressed.replied_at
    from addressed
    -- one-to-one
    left join repeated_mails on addressed.id = repeated_mails.id

)

select * from final

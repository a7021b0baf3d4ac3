{#-
    Grain: one row per leg of a call, as MiiTel's history has it.
    The call type alone says what a row is: 発信 was answered, 発信 (不在) was not, whatever
    times stand beside it. A type that no mapping knows is kept without a direction, and
    shows up as an outcome without a mapping.
-#}
{#- brackets and blanks come in both widths, and blanks are left out at will -#}
{%- set folded = "replace(translate(lower({}), '（）\u3000\u00a0', '()  '), ' ', '')" -%}
with

calls as (

    select * from {{ ref('base_miitel__call') }} where is_accepted

),

call_types as (

    select * from {{ ref('call_types') }}

),

spellings as (

    select call_type from calls group by call_type

),

-- a mapping may hold several spellings of one type: its own one speaks
ranked_types as (

    select
        spellings.call_type,
        call_types.direction,
        call_types.is_answered,
        call_types.is_machine,
        call_types.is_internal,
        call_types.is_leg,
        call_types.valid_from,
        call_types.valid_to,
        dense_rank() over (
            partition by spellings.call_type
            order by
                case
                    when
                        {{ code_key('spellings.call_type') }}
                        = call_types.call_type_code
                        then 0
                    else 1
                end,
                call_types.call_type_code
        ) as spelling_rank
    from spellings
    inner join call_types
        on {{ folded.format('spellings.call_type') }}
        = {{ folded.format('call_types.call_type_code') }}

),

known_types as (

    select * from ranked_types where spelling_rank = 1

),

typed as (

    select
        calls.*,
        known_types.direction,
        known_types.is_answered,
        known_types.is_machine,
        known_types.is_internal,
        known_types.call_type is null as is_unmapped,
        -- a dial is its own call even where it names the one before it
        coalesce(
            known_types.is_leg or known_types.is_internal or known_types.is_machine,
            false
        ) as may_follow,
        {{ read_duration('calls.ringing_time') }} as ringing_seconds,
        {{ read_duration('calls.call_duration') }} as duration_seconds
    from calls
    -- many-to-one; left, so that a call of an unmapped type stays visible
    left join known_types
        on calls.call_type = known_types.call_type
        and {{ is_valid_on('known_types', business_date('calls.dial_begin_time')) }}

),

timed as (

    select
        *,
        -- an export may leave the begin of an answered call blank
        coalesce(
            call_begin_time,
            {{ dbt.dateadd(
                'second',
                'cast(coalesce(ringing_seconds, 0) as integer)',
                'dial_begin_time',
            ) }}
        ) as begun_at
    from typed

),

final as (

    select
        -- ids
        sequence_id as call_id,
        coalesce(
            nullif(parent_sequence_id, '-'),
            case when may_follow then nullif(previous_sequence_id, '-') end
        ) as parent_call_id,
        sequence_id as external_call_id,

        -- texts
        direction,
        nullif(call_from, '-') as from_number,
        nullif(call_to, '-') as to_number,
        case when is_unmapped then call_type end as disposition,
        case when is_machine then 'machine' end as reached,
        'dialer' as logged_by,
        nullif(lower(user_email), '-') as rep_email,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- booleans
        is_internal,

        -- dates
        dial_begin_time as started_at,
        case when is_answered then begun_at end as answered_at,
        coalesce(
            call_end_time,
            {{ dbt.dateadd(
                'second', 'cast(duration_seconds as integer)', 'begun_at'
            ) }}
        ) as ended_at
    from timed

)

select * from final

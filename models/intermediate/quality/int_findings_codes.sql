{#-
    Grain: one row per object of a system, rule and code that no mapping knows (R8), with
    how many of its rows have the code and the first of them.
    The code itself is shown, cut to 60 characters: without it nobody could mend the
    mapping. What stands in a field for reasons and recurs too rarely to be a code is
    somebody's own words, which may name a person: it is only counted.
-#}
{#- of each column with codes: object, column, seed, its code, day of meaning, rule -#}
{%- set mappings = [
    ('leads', 'source', 'lead_sources', 'source_code',
        'rows_fed.created_at', 'lead_source'),
    ('leads', 'latest_source', 'lead_sources', 'source_code',
        'rows_fed.created_at', 'lead_source'),
    ('lead_status_history', 'status', 'lead_statuses', 'status_code',
        'rows_fed.entered_at', 'lead_status'),
    ('calls', 'disposition', 'call_outcomes', 'disposition_code',
        'rows_fed.started_at', 'call_outcome'),
    ('appointments', 'outcome', 'meeting_outcomes', 'outcome_code',
        'coalesce(rows_fed.starts_at, rows_fed.booked_at)', 'meeting_outcome'),
    ('appointments', 'judgement', 'meeting_judgements', 'judgement_code',
        'coalesce(rows_fed.judged_at, rows_fed.starts_at, rows_fed.booked_at)',
        'meeting_judgement'),
    ('opportunity_stage_history', 'stage', 'opportunity_stages', 'stage_code',
        'rows_fed.entered_at', 'opportunity_stage'),
    ('opportunities', 'stage', 'opportunity_stages', 'stage_code',
        'coalesce(rows_fed.updated_at, rows_fed.created_at)', 'opportunity_stage'),
    ('users', 'department', 'departments', 'department_code', none, 'department'),
] -%}
{#- of each column with a closed vocabulary: object, column, its values, rule -#}
{%- set vocabularies = [
    ('emails', 'kind', ['one_to_one', 'bulk', 'auto_reply'], 'email_kind'),
    ('email_events', 'event',
        ['delivered', 'bounce', 'open', 'click', 'reply', 'auto_reply', 'unsubscribe'],
        'email_event'),
    ('touches', 'activity_channel',
        ['dm', 'form', 'sns', 'sms', 'letter', 'web_meeting', 'visit'],
        'activity_channel'),
] -%}
{#- the same of fields in which people may write what they like -#}
{%- set reasons = [
    ('opportunities', 'loss_reason', 'loss_reasons', 'reason_code',
        'coalesce(rows_fed.close_date, '
        ~ business_date('coalesce(rows_fed.updated_at, rows_fed.created_at)') ~ ')',
        'loss_reason'),
    ('appointments', 'judgement_reason', 'rejection_reasons', 'reason_code',
        business_date('coalesce(rows_fed.judged_at, rows_fed.starts_at, rows_fed.booked_at)'),
        'rejection_reason'),
] -%}
{#- planning names channels by the codes of lead sources -#}
{%- set planning_objects = ['campaign_costs', 'targets'] -%}
with

campaign_costs as (

    select * from {{ ref('stg_planning__campaign_costs') }} where is_accepted

),

targets as (

    select * from {{ ref('stg_planning__targets') }} where is_accepted

),

reason_rows as (

    {% for object, column, seed, code, day, rule in reasons %}
    select
        rows_fed.source_system,
        rows_fed.source_object,
        rows_fed.source_file,
        rows_fed.source_row,
        'unmapped_{{ rule }}' as rule,
        {{ code_key('rows_fed.' ~ column) }} as code
    from {{ ref('int_unioned_' ~ object) }} as rows_fed
    left join {{ ref(seed) }} as mapping
        on {{ code_key('rows_fed.' ~ column) }} = mapping.{{ code }}
        and {{ is_valid_on('mapping', day) }}
    where rows_fed.{{ column }} is not null and mapping.{{ code }} is null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

counted_reasons as (

    select
        *,
        count(*) over (partition by rule, code) as occurrences
    from reason_rows
    where code is not null

),

codes as (

    select
        source_system,
        source_object,
        source_file,
        source_row,
        rule,
        case
            when occurrences < {{ var('free_text_below_rows') }} then '(free text)'
            else code
        end as code
    from counted_reasons

    union all

    {% for object in planning_objects %}
    select
        rows_fed.source_system,
        rows_fed.source_object,
        rows_fed.source_file,
        rows_fed.source_row,
        'unmapped_lead_source' as rule,
        {{ code_key('rows_fed.channel') }} as code
    from {{ object }} as rows_fed
    left join {{ ref('lead_sources') }} as mapping
        on {{ code_key('rows_fed.channel') }} = mapping.source_code
        and {{ is_valid_on('mapping', 'rows_fed.month') }}
    where
        {{ code_key('rows_fed.channel') }} <> 'all'
        and mapping.source_code is null

    union all

    {% endfor %}

    {% for object, column, seed, code, day, rule in mappings %}
    select
        rows_fed.source_system,
        rows_fed.source_object,
        rows_fed.source_file,
        rows_fed.source_row,
        'unmapped_{{ rule }}' as rule,
        {{ code_key('rows_fed.' ~ column) }} as code
    from {{ ref('int_unioned_' ~ object) }} as rows_fed
    left join {{ ref(seed) }} as mapping
        on {{ code_key('rows_fed.' ~ column) }} = mapping.{{ code }}
        {%- if day %}
        and {{ is_valid_on('mapping', business_date(day)) }}
        {%- endif %}
    where
        rows_fed.{{ column }} is not null
        and mapping.{{ code }} is null
        {%- if column == 'latest_source' %}
        -- the same gap is told once per lead
        and {{ code_key('rows_fed.latest_source') }}
        is distinct from {{ code_key('rows_fed.source') }}
        {%- endif %}

    union all

    {% endfor %}
    {% for object, column, values, rule in vocabularies %}
    select
        source_system,
        source_object,
        source_file,
        source_row,
        'unmapped_{{ rule }}' as rule,
        coalesce({{ code_key(column) }}, '(empty)') as code
    from {{ ref('int_unioned_' ~ object) }}
    where
        coalesce({{ code_key(column) }}, '(empty)')
        not in (
            {%- for value in values %}
            '{{ value }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )

    union all

    {% endfor %}
    -- nobody need say whom a call reached
    select
        source_system,
        source_object,
        source_file,
        source_row,
        'unmapped_reached' as rule,
        {{ code_key('reached') }} as code
    from {{ ref('int_unioned_calls') }}
    where {{ code_key('reached') }} not in ('target', 'gatekeeper', 'other', 'machine')

    union all

    select
        calls.source_system,
        calls.source_object,
        calls.source_file,
        calls.source_row,
        'unmapped_direction' as rule,
        coalesce({{ code_key('legs.direction') }}, '(empty)') as code
    from {{ ref('int_calls') }} as calls
    -- left, as the first leg of a call may be in no extract
    left join {{ ref('int_unioned_calls') }} as legs on calls.call_id = legs.call_id
    where calls.direction is null and calls.exclusion_rule is null

),

by_file as (

    select
        source_system,
        source_object,
        source_file,
        rule,
        substr(code, 1, 60) as code,
        min(source_row) as first_row,
        count(*) as row_count
    from codes
    where code is not null
    group by source_system, source_object, source_file, rule, substr(code, 1, 60)

    union all

    -- what kind of thing a record is, each system tells itself
    select
        source_system,
        source_object,
        source_file,
        rule,
        code,
        source_row as first_row,
        row_count
    from {{ ref('int_unioned_unmapped_codes') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by source_system, source_object, rule, code
            order by source_file nulls last
        ) as file_number
    from by_file

),

final as (

    select
        -- texts
        source_system,
        source_object,
        rule,
        code,
        max(case when file_number = 1 then source_file end) as example_file,

        -- numerics
        max(case when file_number = 1 then first_row end) as example_row,
        cast(sum(row_count) as bigint) as row_count
    from ranked
    group by source_system, source_object, rule, code

)

select * from final

{#-
    Grain: one row per landed row that was rejected, or that has a value which cannot be
    read.
    Names the column and never the value: a finding holds no personal data.
-#}
{%- set objects = {
    'generic': {
        'leads': 'lead_id',
        'lead_status_history': 'lead_id',
        'opportunities': 'opportunity_id',
        'opportunity_stage_history': 'opportunity_id',
        'calls': 'call_id',
        'emails': 'message_id',
        'email_events': 'event_id',
        'touches': 'touch_id',
        'appointments': 'appointment_id',
        'permissions': 'lead_id',
        'users': 'user_id',
    },
    'planning': {
        'attendance': 'rep_id',
        'targets': 'kpi_id',
        'kgi': 'month',
        'company_holidays': 'date',
        'fx_rates': 'currency',
        'campaign_costs': 'channel',
    },
} -%}
with

final as (

    {% for system, ids in objects.items() %}
    {%- set last_system = loop.last -%}
    {% for object, id in ids.items() %}
    select
        source_system,
        '{{ object }}' as object,
        cast({{ id }} as {{ dbt.type_string() }}) as source_id,
        source_file,
        source_row,
        coalesce(reject_rule, 'unreadable_value') as rule,
        coalesce(reject_column, unreadable_columns) as detail
    from {{ ref('stg_' ~ system ~ '__' ~ object) }}
    where
        reject_rule is not null
        -- a row that a newer version supersedes is of no interest any more
        or (unreadable_columns is not null and is_accepted)
    {{ 'union all' if not (last_system and loop.last) }}
    {% endfor %}
    {% endfor %}

)

select * from final

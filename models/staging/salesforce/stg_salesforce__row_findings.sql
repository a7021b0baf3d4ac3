{#-
    Grain: one row per landed row that is rejected, and one per accepted row with a value
    that cannot be read, per model that finds one.
    Names the column and never the value: a finding holds no personal data.
-#}
{%- set objects = [
    'lead',
    'contact',
    'account',
    'opportunity',
    'opportunity_history',
    'opportunity_field_history',
    'lead_history',
    'opportunity_contact_role',
    'task',
    'event',
    'campaign',
    'campaign_member',
    'user',
    'user_role',
] -%}
with

findings as (

    {% for object in objects %}
    select
        source_system,
        source_object,
        source_file,
        source_row,
        id as source_id,
        coalesce(reject_rule, 'unreadable_value') as rule,
        coalesce(reject_column, unreadable_columns) as detail
    from {{ ref('base_salesforce__' ~ object) }}
    where
        reject_rule is not null
        -- a row that a newer version supersedes is of no interest any more
        or (unreadable_columns is not null and is_accepted)

    union all
    {% endfor %}

    -- what a field must hold is known only with the field
    select
        source_system,
        source_object,
        source_file,
        source_row,
        id as source_id,
        reject_rule as rule,
        'new_value' as detail
    from {{ ref('base_salesforce__lead_history_fates') }}
    where reject_rule is not null

    union all

    select
        source_system,
        source_object,
        source_file,
        source_row,
        id as source_id,
        'unreadable_value' as rule,
        'call_duration_in_seconds' as detail
    from {{ ref('base_salesforce__task_fates') }}
    where is_duration_out_of_range

),

final as (

    select
        source_system,
        source_object,
        source_file,
        source_row,
        source_id,
        rule,
        detail
    from findings

)

select * from final

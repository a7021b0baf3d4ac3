{#-
    Grain: one row per object, file and fate of landed rows that reach no common object.
    With the rows that name a landed one in the other adapters, each landed row is here or
    there, and once.
-#}
{#- accepted rows of these are looked up by other adapters, or read by none -#}
{%- set plain_fates = {
    'contact': 'used',
    'account': 'used',
    'user_role': 'used',
    'campaign': 'not_read',
    'campaign_member': 'not_read',
} -%}
{%- set fated_objects = [
    'opportunity_history',
    'opportunity_field_history',
    'lead_history',
    'task',
    'event',
] -%}
{%- set objects = (
    ['lead', 'opportunity', 'opportunity_contact_role', 'user']
    + plain_fates.keys() | list
    + fated_objects
) -%}
with

fates as (

    {% for object in objects %}
    select
        source_object,
        source_file,
        row_status as fate
    from {{ ref('base_salesforce__' ~ object) }}
    where not is_accepted

    union all
    {% endfor %}

    {% for object, fate in plain_fates.items() %}
    select
        source_object,
        source_file,
        '{{ fate }}' as fate
    from {{ ref('base_salesforce__' ~ object) }}
    where is_accepted

    union all
    {% endfor %}

    select
        source_object,
        source_file,
        case
            when coalesce(is_deleted, false) then 'deleted_in_source'
            else 'used'
        end as fate
    from {{ ref('base_salesforce__opportunity_contact_role') }}
    where is_accepted

    {% for object in fated_objects %}
    union all

    select
        source_object,
        source_file,
        fate
    from {{ ref('base_salesforce__' ~ object ~ '_fates') }}
    where fate is not null
    {% endfor %}

),

final as (

    select
        'salesforce' as source_system,
        source_object,
        source_file,
        fate,
        count(*) as row_count
    from fates
    group by source_object, source_file, fate

)

select * from final

{#-
    Grain: one row per accepted change of a tracked field of an opportunity.
    The only model that decides which changes are read: those of the owner.
-#}
with

changes as (

    select
        *,
        {{ code_key("'opportunity_field_history.' || field") }} as field_code
    from {{ ref('base_salesforce__opportunity_field_history') }}
    where is_accepted

),

fields as (

    select * from {{ ref('history_fields') }}

),

final as (

    select
        -- ids
        changes.id,
        changes.opportunity_id,

        -- texts
        changes.source_system,
        changes.source_object,
        changes.source_file,
        case
            when coalesce(changes.is_deleted, false) then 'deleted_in_source'
            when fields.field_id = 'owner' then 'used'
            else 'unused_history_field'
        end as fate,
        changes.old_value,
        changes.new_value,

        -- numerics
        changes.source_row,

        -- dates
        changes.created_date
    from changes
    -- many-to-one
    left join fields
        on changes.field_code = fields.field_code
        and {{ is_valid_on('fields', business_date('changes.created_date')) }}

)

select * from final

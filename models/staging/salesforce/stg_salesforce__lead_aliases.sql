{#-
    Grain: one row per contact that was a lead, or was merged with one that was.
    Conversion moves a lead's activities to the contact; through these rows they stay the
    lead's. No row is a landed one: the contact is accounted for as a look-up.
-#}
with

final as (

    select
        -- ids
        person_id as alias_id,
        lead_id,

        -- texts
        'salesforce' as source_system,
        'contact' as source_object,
        cast(null as {{ dbt.type_string() }}) as source_file,

        -- numerics
        cast(null as bigint) as source_row
    from {{ ref('base_salesforce__people') }}
    where is_contact and lead_id is not null

)

select * from final

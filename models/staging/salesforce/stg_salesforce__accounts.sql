{#-
    Grain: one row per account record, merged and deleted ones included.
    A look-up for finding who somebody is: in the account of rows it counts as used, so
    that no row here names the landed one.
-#}
with

final as (

    select
        -- ids
        id as account_id,
        master_record_id as merged_into_id,

        -- texts
        company_key,
        phone,
        source_system,
        source_object,
        cast(null as {{ dbt.type_string() }}) as source_file,

        -- numerics
        cast(null as bigint) as source_row,

        -- booleans
        is_deleted
    from {{ ref('base_salesforce__account') }}
    where is_accepted

)

select * from final

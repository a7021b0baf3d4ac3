{#-
    Grain: one row per permission a lead gave, with its revocation.
    A field of the lead carries it, and its tracked history says when it was set and when
    it was taken back.
-#}
with

changes as (

    select * from {{ ref('base_salesforce__lead_history_fates') }}
    where field_id = 'permission' and (common_object = 'permissions' or fate = 'used')

),

-- granted and revoked take turns here: what changes nothing has been left out
sequenced as (

    select
        *,
        lead(created_date) over (
            partition by lead_id order by created_date, id
        ) as next_created_date
    from changes

),

final as (

    select
        -- ids
        lead_id,

        -- texts
        cast(null as {{ dbt.type_string() }}) as channel,
        cast(null as {{ dbt.type_string() }}) as evidence,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- dates
        created_date as granted_at,
        next_created_date as revoked_at
    from sequenced
    where is_permitted

)

select * from final

{#-
    Grain: one row per permission that a lead gave, up to the as-of date.
    A revocation after the as-of date has not happened.
-#}
with

permissions as (

    select * from {{ ref('int_unioned_permissions') }}
    where {{ business_date('granted_at') }} <= {{ as_of_date() }}

),

identities as (

    select * from {{ ref('int_lead_identities') }}

),

final as (

    select
        permissions.lead_id as source_lead_id,
        identities.lead_id,
        permissions.granted_at,
        case
            when {{ business_date('permissions.revoked_at') }} <= {{ as_of_date() }}
                then permissions.revoked_at
        end as revoked_at
    from permissions
    -- many-to-one; left, so that each row can be accounted for
    left join identities on permissions.lead_id = identities.source_lead_id

)

select * from final

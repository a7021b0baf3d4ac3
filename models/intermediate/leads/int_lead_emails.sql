{#-
    Grain: one row per e-mail address that exactly one lead has.
    A lead that was created after the as-of date has no address yet.
-#}
with

identities as (

    select * from {{ ref('int_lead_identities') }}
    where not is_alias and not is_after_as_of_date

),

leads as (

    select * from {{ ref('int_unioned_leads') }} where email is not null

),

final as (

    select
        lower(leads.email) as email,
        min(identities.lead_key) as lead_key
    from identities
    -- one-to-one
    inner join leads on identities.source_lead_id = leads.lead_id
    group by lower(leads.email)
    having count(distinct identities.lead_key) = 1

)

select * from final

{#-
    Grain: one row per telephone number (E.164) by which a lead or an account is found.
    A number that one lead has means that lead. One that several have, such as a main
    line, means nobody: it means the account that they share, if they do. A number that
    no lead has means the account that has it.
    A text that landing could not read as a number is none. A lead that was created after
    the as-of date has no number yet.
-#}
with

identities as (

    select * from {{ ref('int_lead_identities') }}
    where not is_alias and not is_after_as_of_date

),

leads as (

    select * from {{ ref('int_unioned_leads') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

lead_numbers as (

    select
        identities.lead_key,
        identities.account_id,
        leads.phone
    from identities
    -- one-to-one
    inner join leads on identities.source_lead_id = leads.lead_id
    where leads.phone like '+%'

    union all

    select
        identities.lead_key,
        identities.account_id,
        leads.mobile_phone as phone
    from identities
    -- one-to-one
    inner join leads on identities.source_lead_id = leads.lead_id
    where leads.mobile_phone like '+%'

),

by_lead as (

    select
        phone,
        case when count(distinct lead_key) = 1 then min(lead_key) end as lead_key,
        -- count skips those without an account: then it is not shared by all
        case
            when count(distinct account_id) = 1 and count(account_id) = count(*)
                then min(account_id)
        end as account_id
    from lead_numbers
    group by phone

),

by_account as (

    select
        phone,
        case when count(distinct account_id) = 1 then min(account_id) end as account_id
    from accounts
    where phone like '+%' and account_id is not null
    group by phone

),

final as (

    select
        by_lead.phone,
        by_lead.lead_key,
        by_lead.account_id
    from by_lead
    where by_lead.lead_key is not null or by_lead.account_id is not null

    union all

    select
        by_account.phone,
        cast(null as {{ dbt.type_string() }}) as lead_key,
        by_account.account_id
    from by_account
    left join by_lead on by_account.phone = by_lead.phone
    where by_lead.phone is null and by_account.account_id is not null

)

select * from final

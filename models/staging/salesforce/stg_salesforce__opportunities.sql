{#-
    Grain: one row per opportunity, deleted ones included.
    Its lead is the one it names itself, else the one that was converted into it, else the
    contact that is its primary one, or its only one (lead_aliases says whose). A report
    names its owner instead of the owner's id: that is the one user of this name.
-#}
with

opportunities as (

    select * from {{ ref('base_salesforce__opportunity') }} where is_accepted

),

leads as (

    select * from {{ ref('base_salesforce__lead') }}
    where is_accepted and converted_opportunity_id is not null

),

roles as (

    select * from {{ ref('base_salesforce__opportunity_contact_role') }}
    where is_accepted and contact_id is not null and not coalesce(is_deleted, false)

),

named_users as (

    select
        name,
        min(id) as user_id
    from {{ ref('base_salesforce__user') }}
    where is_accepted
    group by name
    having count(*) = 1

),

numbered_leads as (

    select
        id as lead_id,
        converted_opportunity_id as opportunity_id,
        row_number() over (
            partition by converted_opportunity_id
            order by
                coalesce(is_deleted, false),
                converted_date nulls last,
                created_date,
                id
        ) as lead_number
    from leads

),

contacts as (

    select
        opportunity_id,
        case
            when max(case when is_primary then 1 else 0 end) = 1
                then min(case when is_primary then contact_id end)
            when count(distinct contact_id) = 1 then min(contact_id)
        end as contact_id
    from roles
    group by opportunity_id

),

final as (

    select
        -- ids
        opportunities.id as opportunity_id,
        coalesce(
            opportunities.lead_id, numbered_leads.lead_id, contacts.contact_id
        ) as lead_id,
        opportunities.account_id,
        coalesce(opportunities.owner_id, named_users.user_id) as owner_id,
        opportunities.created_by_id,

        -- texts
        opportunities.stage_name as stage,
        opportunities.currency_iso_code as currency,
        opportunities.loss_reason,
        opportunities.source_system,
        opportunities.source_object,
        opportunities.source_file,

        -- numerics
        opportunities.amount,
        opportunities.source_row,

        -- booleans
        opportunities.is_closed,
        opportunities.is_won,
        opportunities.is_deleted,

        -- dates
        opportunities.created_date as created_at,
        opportunities.close_date,
        coalesce(opportunities.last_modified_date, opportunities.system_modstamp)
            as updated_at
    from opportunities
    -- one-to-one
    left join numbered_leads
        on opportunities.id = numbered_leads.opportunity_id
        and numbered_leads.lead_number = 1
    -- one-to-one
    left join contacts on opportunities.id = contacts.opportunity_id
    -- many-to-one
    left join named_users on opportunities.owner_name = named_users.name

)

select * from final

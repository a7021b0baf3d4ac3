{#-
    Grain: one row per id that a WhoId may name: a lead or a contact.
    lead_id is the lead itself, or the lead that a contact was converted from: its own,
    else one of a contact that was merged with it. Of several leads that became one
    contact it is the first one that is still there, as their activities can no longer be
    told apart. A contact that is in no extract is known from its lead.
-#}
with

leads as (

    select * from {{ ref('base_salesforce__lead') }} where is_accepted

),

contacts as (

    select * from {{ ref('base_salesforce__contact') }} where is_accepted

),

chains as (

    {{ resolve_chain('contacts', 'id', 'master_record_id') }}

),

named_contacts as (

    select id as contact_id from contacts

    union

    select converted_contact_id as contact_id
    from leads
    where converted_contact_id is not null

),

-- an id that is a lead's names the lead, whatever else the extracts say of it
contact_ids as (

    select named_contacts.contact_id
    from named_contacts
    left join leads on named_contacts.contact_id = leads.id
    where leads.id is null

),

merged_contacts as (

    select
        contact_ids.contact_id,
        coalesce(chains.root_id, contact_ids.contact_id) as survivor_id
    from contact_ids
    -- one-to-one; a chain that bites its own tail has no survivor
    left join chains
        on contact_ids.contact_id = chains.id and not chains.is_cycle

),

conversions as (

    select
        merged_contacts.contact_id,
        merged_contacts.survivor_id,
        leads.id as lead_id,
        leads.email,
        coalesce(leads.phone, leads.mobile_phone) as phone,
        row_number() over (
            partition by merged_contacts.contact_id
            order by
                coalesce(leads.is_deleted, false),
                leads.converted_date nulls last,
                leads.created_date,
                leads.id
        ) as lead_number,
        row_number() over (
            partition by merged_contacts.survivor_id
            order by
                coalesce(leads.is_deleted, false),
                leads.converted_date nulls last,
                leads.created_date,
                leads.id
        ) as lead_number_of_survivor
    from leads
    -- many-to-one
    inner join merged_contacts
        on leads.converted_contact_id = merged_contacts.contact_id

),

final as (

    select
        id as person_id,
        id as lead_id,
        email,
        coalesce(phone, mobile_phone) as phone,
        false as is_contact
    from leads

    union all

    select
        merged_contacts.contact_id as person_id,
        coalesce(own_lead.lead_id, lead_of_survivor.lead_id) as lead_id,
        coalesce(contacts.email, own_lead.email, lead_of_survivor.email) as email,
        coalesce(
            contacts.phone,
            contacts.mobile_phone,
            own_lead.phone,
            lead_of_survivor.phone
        ) as phone,
        true as is_contact
    from merged_contacts
    -- one-to-one
    left join contacts on merged_contacts.contact_id = contacts.id
    -- one-to-one
    left join conversions as own_lead
        on merged_contacts.contact_id = own_lead.contact_id
        and own_lead.lead_number = 1
    -- many-to-one
    left join conversions as lead_of_survivor
        on merged_contacts.survivor_id = lead_of_survivor.survivor_id
        and lead_of_survivor.lead_number_of_survivor = 1

)

select * from final

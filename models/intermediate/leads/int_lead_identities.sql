{#-
    Grain: one row per lead id of the extracts, merged and deleted ones included, and per
    other id that means a lead, such as the contact it was converted into.
    Says which lead an id means today (R10): the survivor of its merges, or none if that
    one is deleted. Every event finds its lead, channel and cohort through this model.

    lead_key   numbers the events of one lead in order; it outlives a deletion, so that
               past counts do not move when a lead is deleted
    lead_id    the surviving lead, NULL ("unknown lead") if there is none

    A lead without an account belongs to the one account of its company, if there is
    exactly one. Who an id means is told by the newest extract, on any as-of date: merges carry no
    date.
-#}
with

leads as (

    select * from {{ ref('int_unioned_leads') }}

),

aliases as (

    select * from {{ ref('int_unioned_lead_aliases') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

sources as (

    select * from {{ ref('lead_sources') }}

),

-- an alias is a record that was merged into its lead, or into another alias of it
records as (

    select
        lead_id as record_id,
        merged_into_id as parent_id,
        source_system,
        source_object,
        source_file,
        false as is_alias
    from leads

    union all

    select
        aliases.alias_id as record_id,
        aliases.lead_id as parent_id,
        aliases.source_system,
        aliases.source_object,
        cast(null as {{ dbt.type_string() }}) as source_file,
        true as is_alias
    from aliases
    left join leads on aliases.alias_id = leads.lead_id
    where leads.lead_id is null

),

chains as (

    {{ resolve_chain('records', 'record_id', 'parent_id') }}

),

company_accounts as (

    select
        company_key,
        min(account_id) as account_id
    from accounts
    where company_key is not null and account_id is not null
    group by company_key
    having count(distinct account_id) = 1

),

resolved as (

    select
        records.record_id as source_lead_id,
        records.source_system,
        records.source_object,
        records.source_file,
        records.is_alias,
        coalesce(end_of_chain.lead_id, records.record_id) as lead_key,
        chains.is_cycle or (chains.id is not null and end_of_chain.lead_id is null)
            as is_chain_broken,
        chains.id is not null and not records.is_alias as is_merged,
        coalesce(chains.is_cycle, false) as is_merge_cycle,
        chains.id is not null and end_of_chain.lead_id is null
            as is_merge_target_missing
    from records
    -- one-to-one
    left join chains on records.record_id = chains.id
    -- many-to-one
    left join leads as end_of_chain
        on chains.root_id = end_of_chain.lead_id and not chains.is_cycle
    -- an alias of no lead is no lead
    where not records.is_alias or end_of_chain.lead_id is not null

),

surviving as (

    select
        resolved.*,
        case
            when survivors.account_id is null then company_accounts.account_id
            -- an account that is in no extract is what its id says
            when accounts.source_account_id is null then survivors.account_id
            else accounts.account_id
        end as account_id,
        survivors.is_target,
        {{ code_key('survivors.source') }} as source_code,
        {{ business_date('survivors.created_at') }} as acquired_date,
        -- the end of the chain must exist, and still be there
        not coalesce(resolved.is_chain_broken, false)
        and not coalesce(survivors.is_deleted, false)
        and {{ business_date('survivors.created_at') }} <= {{ as_of_date() }}
            as is_known
    from resolved
    -- many-to-one
    inner join leads as survivors on resolved.lead_key = survivors.lead_id
    -- both many-to-one
    left join accounts on survivors.account_id = accounts.source_account_id
    left join company_accounts on survivors.company_key = company_accounts.company_key

),

final as (

    select
        -- ids
        surviving.source_lead_id,
        surviving.lead_key,
        case when surviving.is_known then surviving.lead_key end as lead_id,
        case when surviving.is_known then surviving.account_id end as account_id,
        case
            when not surviving.is_known or surviving.source_code is null then 'unknown'
            else coalesce(sources.channel_id, 'unmapped')
        end as channel_id,

        -- texts
        surviving.source_system,
        surviving.source_object,
        surviving.source_file,

        -- booleans
        -- no word about it means that the lead is the targeted person
        not surviving.is_known or coalesce(surviving.is_target, true) as is_target,
        surviving.is_alias,
        surviving.is_merged,
        surviving.is_merge_cycle,
        surviving.is_merge_target_missing,
        surviving.acquired_date > {{ as_of_date() }} as is_after_as_of_date,

        -- dates
        case when surviving.is_known then surviving.acquired_date end as acquired_date
    from surviving
    -- many-to-one; left, so that an unmapped source stays visible
    left join sources
        on surviving.source_code = sources.source_code
        and {{ is_valid_on('sources', 'surviving.acquired_date') }}

)

select * from final

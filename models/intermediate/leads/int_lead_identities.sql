{#-
    Grain: one row per lead id of the extracts, merged and deleted ones included.
    Says which lead an id means today (R10): the survivor of its merges, or none if that
    one is deleted. Every event finds its lead, channel and cohort through this model.

    lead_key   numbers the events of one lead in order; it outlives a deletion, so that
               past counts do not move when a lead is deleted
    lead_id    the surviving lead, NULL ("unknown lead") if there is none

    Who an id means is told by the newest extract, on any as-of date: merges carry no
    date.
-#}
with

leads as (

    select * from {{ ref('int_unioned_leads') }}

),

sources as (

    select * from {{ ref('lead_sources') }}

),

chains as (

    {{ resolve_chain('leads', 'lead_id', 'merged_into_id') }}

),

resolved as (

    select
        leads.lead_id as source_lead_id,
        leads.source_system,
        leads.source_object,
        leads.source_file,
        coalesce(end_of_chain.lead_id, leads.lead_id) as lead_key,
        chains.is_cycle or (chains.id is not null and end_of_chain.lead_id is null)
            as is_chain_broken,
        chains.id is not null as is_merged,
        coalesce(chains.is_cycle, false) as is_merge_cycle,
        chains.id is not null and end_of_chain.lead_id is null
            as is_merge_target_missing
    from leads
    -- one-to-one
    left join chains on leads.lead_id = chains.id
    -- many-to-one
    left join leads as end_of_chain
        on chains.root_id = end_of_chain.lead_id and not chains.is_cycle

),

surviving as (

    select
        resolved.*,
        survivors.account_id,
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

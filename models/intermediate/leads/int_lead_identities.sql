{#-
    Grain: one row per lead id of the extracts, merged and deleted ones included.
    Says which lead an id means today (R10): the survivor of its merges, or none if that one is
    deleted. Every event finds its lead, channel and cohort through this model.

    lead_key   numbers the events of one lead in order; it outlives a deletion, so that past
               counts do not move when a lead is deleted
    lead_id    the surviving lead, NULL ("unknown lead") if there is none
-#}
with

leads as (

    select * from {{ ref('stg_generic__leads') }}
    where is_accepted and {{ business_date('created_at') }} <= {{ as_of_date() }}

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
        coalesce(end_of_chain.lead_id, leads.lead_id) as lead_key,
        -- the end of the chain must exist, and still be there
        case
            when chains.id is null then not coalesce(leads.is_deleted, false)
            when chains.is_cycle or end_of_chain.lead_id is null then false
            else not coalesce(end_of_chain.is_deleted, false)
        end as is_known,
        chains.id is not null as is_merged,
        coalesce(chains.is_cycle, false) as is_merge_cycle,
        chains.id is not null and end_of_chain.lead_id is null as is_merge_target_missing
    from leads
    -- one-to-one
    left join chains on leads.lead_id = chains.id
    -- many-to-one
    left join leads as end_of_chain
        on chains.root_id = end_of_chain.lead_id and not chains.is_cycle

),

final as (

    select
        -- ids
        resolved.source_lead_id,
        resolved.lead_key,
        case when resolved.is_known then resolved.lead_key end as lead_id,
        case when resolved.is_known then survivors.account_id end as account_id,
        case
            when not resolved.is_known then 'unknown'
            when {{ code_key('survivors.source') }} is null then 'unknown'
            else coalesce(sources.channel_id, 'unmapped')
        end as channel_id,

        -- booleans
        -- no word about it means that the lead is the targeted person
        not resolved.is_known or coalesce(survivors.is_target, true) as is_target,
        resolved.is_merged,
        resolved.is_merge_cycle,
        resolved.is_merge_target_missing,

        -- dates
        case
            when resolved.is_known then {{ business_date('survivors.created_at') }}
        end as acquired_date
    from resolved
    -- many-to-one
    inner join leads as survivors on resolved.lead_key = survivors.lead_id
    -- many-to-one; left, so that an unmapped source stays visible
    left join sources on {{ code_key('survivors.source') }} = sources.source_code

)

select * from final

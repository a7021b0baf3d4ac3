{#-
    Grain: one row per surviving lead.
    A survivor keeps its own record; the hand-over is the earliest among the leads
    merged into it.
-#}
with

leads as (

    select * from {{ ref('int_unioned_leads') }}

),

identities as (

    select * from {{ ref('int_lead_identities') }} where lead_id is not null

),

sources as (

    select * from {{ ref('lead_sources') }}

),

company_sizes as (

    select * from {{ ref('company_sizes') }}

),

hand_overs as (

    select
        identities.lead_id,
        min(leads.handed_over_at) as handed_over_at
    from identities
    -- one-to-one
    inner join leads on identities.source_lead_id = leads.lead_id
    where {{ business_date('leads.handed_over_at') }} <= {{ as_of_date() }}
    group by identities.lead_id

),

final as (

    select
        -- ids
        leads.lead_id,
        leads.account_id,
        leads.owner_id,
        identities.channel_id,
        case
            when {{ code_key('coalesce(leads.latest_source, leads.source)') }} is null
                then 'unknown'
            else coalesce(latest_sources.channel_id, 'unmapped')
        end as latest_channel_id,
        coalesce(company_sizes.segment_id, 'unknown') as segment,

        -- texts
        {{ code_key('leads.source') }} as source_code,

        -- booleans
        identities.is_target,

        -- dates
        leads.created_at,
        hand_overs.handed_over_at,
        identities.acquired_date,
        {{ business_date('hand_overs.handed_over_at') }} as handed_over_date
    from identities
    -- one-to-one: the survivor's own record
    inner join leads
        on identities.source_lead_id = leads.lead_id
        and identities.lead_id = leads.lead_id
    left join sources as latest_sources
        on {{ code_key('coalesce(leads.latest_source, leads.source)') }}
        = latest_sources.source_code
        and {{ is_valid_on('latest_sources', 'identities.acquired_date') }}
    left join company_sizes
        on leads.employees >= company_sizes.employees_from
        and (
            leads.employees <= company_sizes.employees_to
            or company_sizes.employees_to is null
        )
    left join hand_overs on leads.lead_id = hand_overs.lead_id

)

select * from final

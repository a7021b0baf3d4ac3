{#-
    Grain: one row per stage an opportunity entered.
    Credit goes to the owner at that time (R11), whom the history of owners tells; an
    opportunity without one has had its owner of today all along.
-#}
with

entries as (

    select * from {{ ref('base_salesforce__opportunity_history_fates') }}
    where fate is null

),

owners as (

    select * from {{ ref('base_salesforce__owner_changes') }}

),

opportunities as (

    select * from {{ ref('base_salesforce__opportunity') }} where is_accepted

),

final as (

    select
        -- ids
        entries.opportunity_id,
        coalesce(owners.owner_id, opportunities.owner_id) as owner_id,
        entries.created_by_id as changed_by_id,

        -- texts
        entries.stage_name as stage,
        entries.source_system,
        entries.source_object,
        entries.source_file,

        -- numerics
        entries.source_row,

        -- dates
        entries.created_date as entered_at
    from entries
    -- many-to-one: the times of one opportunity's owners do not overlap
    left join owners
        on entries.opportunity_id = owners.opportunity_id
        and (owners.valid_from is null or entries.created_date >= owners.valid_from)
        and (owners.valid_to is null or entries.created_date < owners.valid_to)
    -- many-to-one; left, so that a stage of an opportunity in no extract stays visible
    left join opportunities on entries.opportunity_id = opportunities.id

)

select * from final

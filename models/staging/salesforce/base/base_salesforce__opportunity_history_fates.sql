{#-
    Grain: one row per accepted row of an opportunity's history.
    The only model that decides which row is a new stage: fate is empty there, and
    elsewhere the rule by which it is none. A row is also written when only amount,
    probability or close date changed.
-#}
with

history as (

    select
        *,
        {{ code_key('stage_name') }} as stage_code
    from {{ ref('base_salesforce__opportunity_history') }}
    where is_accepted

),

compared as (

    select
        id,
        lag(stage_code) over (
            partition by opportunity_id order by created_date, id
        ) as stage_code_before
    from history
    where not coalesce(is_deleted, false)

),

final as (

    select
        -- ids
        history.id,
        history.opportunity_id,
        history.created_by_id,

        -- texts
        history.source_system,
        history.source_object,
        history.source_file,
        case
            when coalesce(history.is_deleted, false) then 'deleted_in_source'
            when history.stage_code = compared.stage_code_before then 'no_stage_change'
        end as fate,
        history.stage_name,

        -- numerics
        history.source_row,

        -- dates
        history.created_date
    from history
    -- one-to-one
    left join compared on history.id = compared.id

)

select * from final

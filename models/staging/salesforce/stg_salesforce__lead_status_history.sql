{#- Grain: one row per status a lead entered, as the tracked history of leads has it. -#}
with

final as (

    select
        -- ids
        lead_id,
        created_by_id as changed_by_id,

        -- texts
        new_value as status,
        source_system,
        source_object,
        source_file,

        -- numerics
        source_row,

        -- dates
        created_date as entered_at
    from {{ ref('base_salesforce__lead_history_fates') }}
    where common_object = 'lead_status_history'

)

select * from final

{#-
    Grain: one row per row of planning/targets that cannot be a target.
    Names the KPI and the month, and the department only where it is known: what stands in
    its place may be anything.
-#}
with

targets as (

    select * from {{ ref('int_targets') }}
    where rejection_reason is not null

),

final as (

    select
        -- texts
        source_file,
        rejection_reason as rule,
        substr(cast(month as {{ dbt.type_string() }}), 1, 7) || ' ' || kpi_id
        || coalesce(' ' || department_id, '') as detail,

        -- numerics
        source_row
    from targets

)

select * from final

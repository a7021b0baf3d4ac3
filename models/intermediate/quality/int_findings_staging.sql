{#-
    Grain: one row per landed row that was rejected, or that has a value which cannot be
    read.
    Names the column and never the value: a finding holds no personal data.
-#}
with

findings as (

    select * from {{ ref('int_unioned_row_findings') }}

),

final as (

    select
        source_system,
        source_object as object,
        source_id,
        source_file,
        source_row,
        rule,
        detail
    from findings

)

select * from final

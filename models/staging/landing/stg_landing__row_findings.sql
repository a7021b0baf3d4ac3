{#-
    Grain: one row per file, row, column and rule of what landing found in a file. Names
    the column and never the value.
-#}
with

findings as (

    select * from {{ source('landing', 'row_findings') }}

),

final as (

    select
        -- texts
        system as source_system,
        object as source_object,
        file_name as source_file,
        column_name,
        rule,
        fate,

        -- numerics
        cast(row_number as bigint) as source_row,
        cast(row_count as bigint) as row_count
    from findings

)

select * from final

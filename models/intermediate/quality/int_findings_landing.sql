{#-
    Grain: one row per finding of landing about a file, a row or a column, and per file
    that it refused as a whole.
-#}
with

files as (

    select * from {{ ref('stg_landing__files') }} where status = 'refused'

),

findings as (

    select * from {{ ref('stg_landing__row_findings') }}

),

final as (

    select
        source_system,
        source_object as object,
        source_file,
        cast(null as bigint) as source_row,
        refusal_rule as rule,
        cast(null as {{ dbt.type_string() }}) as detail
    from files

    union all

    select
        source_system,
        source_object as object,
        source_file,
        source_row,
        rule,
        -- what is told once for many rows says for how many
        case
            when row_count > 1
                then
                    coalesce(column_name || ': ', '')
                    || cast(row_count as {{ dbt.type_string() }}) || ' rows'
            else column_name
        end as detail
    from findings

)

select * from final

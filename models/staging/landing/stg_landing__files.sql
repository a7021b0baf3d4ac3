{#- Grain: one row per file of the extracts, landed or refused. -#}
with

files as (

    select * from {{ source('landing', 'files') }}

),

final as (

    select
        -- texts
        system as source_system,
        object as source_object,
        file_name as source_file,
        status,
        refusal_rule,
        encoding,
        delimiter,

        -- numerics
        cast(record_count as bigint) as record_count,
        cast(row_count as bigint) as row_count
    from files

)

select * from final

-- Per file and to the row; fails on nothing at all as well.
with

landed as (

    select
        system as source_system,
        object,
        file_name as file,
        row_count as landed_rows
    from {{ source('landing', 'files') }}

),

accounted as (

    select
        source_system,
        object,
        file,
        sum(row_count) as accounted_rows,
        min(row_count) as smallest_fate
    from {{ ref('int_row_accounting') }}
    group by source_system, object, file

)

select
    coalesce(landed.source_system, accounted.source_system) as source_system,
    coalesce(landed.object, accounted.object) as object,
    coalesce(landed.file, accounted.file) as file,
    landed.landed_rows,
    accounted.accounted_rows
from landed
full outer join accounted
    on landed.source_system = accounted.source_system
    and landed.object = accounted.object
    and landed.file = accounted.file
where
    coalesce(landed.landed_rows, 0) <> coalesce(accounted.accounted_rows, 0)
    or accounted.smallest_fate < 0

-- Per file and to the row, of all records that were in it. A file without an account,
-- and an account of no file, fail as well.
with

files as (

    select
        source_system,
        source_object as object,
        source_file as file,
        record_count
    from {{ ref('stg_landing__files') }}
    where status = 'landed'

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
    coalesce(files.source_system, accounted.source_system) as source_system,
    coalesce(files.object, accounted.object) as object,
    coalesce(files.file, accounted.file) as file,
    files.record_count,
    accounted.accounted_rows
from files
full outer join accounted
    on files.source_system = accounted.source_system
    and files.object = accounted.object
    and files.file = accounted.file
where
    coalesce(files.record_count, -1) <> coalesce(accounted.accounted_rows, 0)
    or accounted.smallest_fate < 0

with

landed as (

    select
        system as source_system,
        object,
        sum(row_count) as landed_rows
    from {{ source('landing', 'files') }}
    group by system, object

),

accounted as (

    select
        source_system,
        object,
        sum(row_count) as accounted_rows
    from {{ ref('int_row_accounting') }}
    group by source_system, object

)

select
    landed.source_system,
    landed.object,
    landed.landed_rows,
    accounted.accounted_rows
from landed
left join accounted
    on landed.source_system = accounted.source_system
    and landed.object = accounted.object
where landed.landed_rows <> coalesce(accounted.accounted_rows, 0)

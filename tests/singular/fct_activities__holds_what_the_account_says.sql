with

accounted as (

    select
        object,
        row_count
    from {{ ref('int_row_accounting') }}
    where fate = 'in_fact' and object in ('calls', 'emails', 'touches', 'appointments')

),

counted as (

    select
        case activity_type
            when 'touch' then 'touches' else activity_type || 's'
        end as object,
        count(*) as row_count
    from {{ ref('fct_activities') }}
    group by activity_type

)

select
    coalesce(accounted.object, counted.object) as object,
    accounted.row_count as accounted_rows,
    counted.row_count as fact_rows
from accounted
full outer join counted on accounted.object = counted.object
where coalesce(accounted.row_count, 0) <> coalesce(counted.row_count, 0)

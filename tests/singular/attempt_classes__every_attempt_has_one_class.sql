-- The first class begins with the first attempt, each other one after the one before,
-- and the last has no end.
with

classes as (

    select
        attempt_class,
        first_attempt,
        last_attempt,
        lag(last_attempt) over (order by first_attempt) as last_attempt_before,
        row_number() over (order by first_attempt) as class_number,
        count(*) over () as class_count
    from {{ ref('attempt_classes') }}
    where first_attempt is not null

)

select attempt_class
from classes
where
    first_attempt <> coalesce(last_attempt_before, 0) + 1
    or last_attempt < first_attempt
    or (last_attempt is null) <> (class_number = class_count)

union all

select 'no class' as attempt_class
from (select count(*) as class_count from classes) as seen
where seen.class_count = 0

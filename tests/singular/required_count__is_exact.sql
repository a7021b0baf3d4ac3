-- R3: the expected counts are worked by hand.
with cases as (

    select 21 as wanted, 0.35 as rate, 60 as expected
    union all
    select 84 as wanted, 0.8 as rate, 105 as expected
    union all
    select 25 as wanted, 0.3 as rate, 84 as expected
    union all
    select 14 as wanted, 0.4 as rate, 35 as expected
    union all
    select 200 as wanted, 0.1 as rate, 2000 as expected
    union all
    select 0 as wanted, 0.5 as rate, 0 as expected
    union all
    select 5 as wanted, 0 as rate, null as expected

)

select * from cases
where {{ required_count('wanted', 'rate') }} is distinct from expected

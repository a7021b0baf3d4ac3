-- R3: the expected counts are worked by hand.
{%- set worked = [
    (21, 0.35, 60),
    (84, 0.8, 105),
    (25, 0.3, 84),
    (14, 0.4, 35),
    (200, 0.1, 2000),
    (0, 0.5, 0),
    (5, 0, 'null'),
] %}
with

cases as (

    {% for wanted, rate, expected in worked %}
    select
        {{ wanted }} as wanted,
        {{ rate }} as rate,
        {{ expected }} as expected
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from cases
where {{ required_count('wanted', 'rate') }} is distinct from expected

-- Business days of FY2024 by month, national holidays out, the company's own not
-- (kpis: 247).
with

expected as (

    {% for days in [21, 21, 20, 22, 21, 19, 22, 20, 22, 21, 18, 20] %}
    select
        {{ loop.index }} as fiscal_month,
        {{ days }} as business_days
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

counted as (

    select
        ((calendar_month + 8) % 12) + 1 as fiscal_month,
        count(*) as business_days
    from {{ ref('dim_dates') }}
    where fiscal_year = 2024 and iso_weekday <= 5 and national_holiday_name is null
    group by calendar_month

)

select
    expected.fiscal_month,
    expected.business_days,
    counted.business_days as counted_days
from expected
left join counted on expected.fiscal_month = counted.fiscal_month
where counted.business_days is distinct from expected.business_days

-- The day rows are the only ones that do not come through a period of several days.
with

kpis as (

    select * from {{ ref('kpi_by_channel_period') }}

),

periods as (

    select * from {{ ref('int_calendar_periods') }} where period_grain <> 'day'

),

from_days as (

    select
        kpis.kpi_id,
        kpis.basis,
        kpis.channel_id,
        periods.period_grain,
        periods.period_start,
        sum(kpis.numerator) as numerator,
        sum(kpis.denominator) as denominator
    from kpis
    inner join periods on kpis.period_start = periods.date_day
    where kpis.period_grain = 'day'
    group by
        kpis.kpi_id,
        kpis.basis,
        kpis.channel_id,
        periods.period_grain,
        periods.period_start

),

published as (

    select * from kpis where period_grain <> 'day'

)

select
    published.kpi_id,
    published.basis,
    published.channel_id,
    published.period_grain,
    published.period_start
from published
full outer join from_days
    on published.kpi_id = from_days.kpi_id
    and published.basis = from_days.basis
    and published.channel_id = from_days.channel_id
    and published.period_grain = from_days.period_grain
    and published.period_start = from_days.period_start
where
    coalesce(published.numerator, 0) <> coalesce(from_days.numerator, 0)
    or coalesce(published.denominator, 0) <> coalesce(from_days.denominator, 0)

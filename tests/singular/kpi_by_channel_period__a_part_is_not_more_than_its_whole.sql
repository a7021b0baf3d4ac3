-- R2: where the numerator is a subset of the denominator, a value above 1 is a defect.
select
    kpis.kpi_id,
    kpis.basis,
    kpis.period_grain,
    kpis.period_start,
    kpis.channel_id,
    kpis.numerator,
    kpis.denominator
from {{ ref('kpi_by_channel_period') }} as kpis
inner join {{ ref('dim_kpis') }} as definitions
    on kpis.kpi_id = definitions.kpi_id
    and kpis.definition_version = definitions.version
where
    (
        (kpis.basis = 'event' and definitions.is_subset_event)
        or (kpis.basis = 'cohort' and definitions.is_subset_cohort)
    )
    -- an amount may be negative, a count may not
    and definitions.sample_measure_id = definitions.denominator_measure_id
    and (kpis.numerator > kpis.denominator or kpis.numerator < 0)

{#-
    The tree of seed amount_tree restates no formula: each factor that names a KPI has the
    KPI's published value as long as that KPI is agreed to be one stage of the tree over the one
    before; the stages follow each other, and the last one is the amount.
-#}
with

tree as (

    select
        *,
        lag(stage_kpi_id) over (order by sort_order) as stage_before,
        row_number() over (
            partition by case when stage_kpi_id is null then 1 else 0 end
            order by sort_order desc
        ) as number_from_last
    from {{ ref('amount_tree') }}

),

definitions as (

    select * from {{ ref('dim_kpis') }}

),

-- a rate may be redefined; from then on the tree's factor is another number
rates_as_in_the_tree as (

    select
        tree.factor_id,
        rates.kpi_id,
        rates.version
    from tree
    inner join definitions as rates on tree.rate_kpi_id = rates.kpi_id
    inner join definitions as stages
        on tree.stage_kpi_id = stages.kpi_id
        and rates.numerator_measure_id = stages.numerator_measure_id
    inner join definitions as stages_before
        on tree.stage_before = stages_before.kpi_id
        and rates.denominator_measure_id = stages_before.numerator_measure_id

),

changes as (

    select * from {{ ref('won_amount_change_by_channel') }}

),

kpis as (

    select * from {{ ref('kpi_by_channel_period') }}

)

select
    changes.factor_id,
    changes.channel_id,
    changes.basis,
    changes.period_grain,
    changes.period_start,
    changes.value,
    kpis.value as published_value
from changes
inner join rates_as_in_the_tree on changes.factor_id = rates_as_in_the_tree.factor_id
inner join kpis
    on
    rates_as_in_the_tree.kpi_id = kpis.kpi_id
    and rates_as_in_the_tree.version = kpis.definition_version
    and changes.channel_id = kpis.channel_id
    and changes.basis = kpis.basis
    and changes.period_grain = kpis.period_grain
    and changes.period_start = kpis.period_start
where
    not kpis.is_mixed_version
    and (
        (changes.value is null) <> (kpis.value is null)
        or abs(changes.value - kpis.value) > 1e-12 * abs(kpis.value)
    )

union all

select
    tree.factor_id,
    null as channel_id,
    null as basis,
    null as period_grain,
    null as period_start,
    null as value,
    null as published_value
from tree
left join rates_as_in_the_tree on tree.factor_id = rates_as_in_the_tree.factor_id
where
    -- a factor called by a KPI that never was that factor
    (tree.rate_kpi_id is not null and rates_as_in_the_tree.kpi_id is null)
    -- one part without a stage; of the others the amount is the last
    or (tree.stage_kpi_id is null and tree.number_from_last > 1)
    or (
        tree.stage_kpi_id is not null
        and (tree.number_from_last = 1) <> (tree.stage_kpi_id = 'won_amount')
    )

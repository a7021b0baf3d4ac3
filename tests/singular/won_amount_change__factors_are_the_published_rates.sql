{#-
    The tree of seed amount_tree restates no formula: each factor that names a KPI has the
    KPI's published value, the stages follow each other, and the last one is the amount.
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
inner join tree on changes.factor_id = tree.factor_id
left join kpis
    on tree.rate_kpi_id = kpis.kpi_id
    and changes.channel_id = kpis.channel_id
    and changes.basis = kpis.basis
    and changes.period_grain = kpis.period_grain
    and changes.period_start = kpis.period_start
where
    tree.rate_kpi_id is not null
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
left join definitions
    on tree.rate_kpi_id = definitions.kpi_id
    and definitions.is_current
where
    -- one part without a stage; of the others the amount is the last
    (tree.stage_kpi_id is null and tree.number_from_last > 1)
    or (
        tree.stage_kpi_id is not null
        and (tree.number_from_last = 1) <> (tree.stage_kpi_id = 'won_amount')
    )
    or (
        definitions.kpi_id is not null
        and definitions.denominator_measure_id is null
    )

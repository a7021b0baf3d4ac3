{#- Grain: one row per KPI and definition version. -#}
with

definitions as (

    select * from {{ ref('kpi_definitions') }}

),

versions as (

    select
        *,
        max(version) over (partition by kpi_id) as current_version
    from definitions

),

final as (

    select
        -- ids
        kpi_id,
        numerator_measure_id,
        denominator_measure_id,
        sample_measure_id,

        -- texts
        name_ja,
        name_en,
        phase,
        unit,
        quantity_or_quality,
        polarity,
        definition_ja,
        definition_en,
        rules,

        -- numerics
        version,
        maturity_days,
        sort_order,

        -- booleans
        version = current_version as is_current,
        has_event_basis,
        has_cohort_basis,
        is_subset_event,
        is_subset_cohort,
        has_channel,
        has_rep,
        has_team,
        is_targetable
    from versions

)

select * from final

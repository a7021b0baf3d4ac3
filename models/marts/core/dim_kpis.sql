{#- Grain: one row per KPI and definition version. -#}
with

versions as (

    select * from {{ ref('int_kpi_versions') }}

),

final as (

    select
        -- ids
        kpi_id,
        numerator_measure_id,
        denominator_measure_id,
        sample_measure_id,
        distribution_id,
        owner_department,

        -- texts
        name_ja,
        name_en,
        phase,
        status,
        unit,
        statistic,
        quantity_or_quality,
        polarity,
        definition_ja,
        definition_en,
        rules,
        owner_role_ja,
        owner_role_en,
        required_signoffs,
        signed_by,
        missing_signoffs,
        change_ja,
        change_en,
        change_reason_ja,
        change_reason_en,

        -- numerics
        version,
        maturity_days,
        sort_order,

        -- booleans
        is_published
        and {{ as_of_date() }} between effective_from and last_day as is_current,
        is_published,
        has_event_basis,
        has_cohort_basis,
        is_subset_event,
        is_subset_cohort,
        has_channel,
        has_rep,
        has_team,
        is_targetable,
        -- a ratio has to be divided anew, a statistic to be computed anew
        denominator_measure_id is null and distribution_id is null as is_additive,

        -- dates
        effective_from,
        effective_to
    from versions

)

select * from final

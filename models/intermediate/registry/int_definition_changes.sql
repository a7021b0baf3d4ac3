{#-
    Grain: one row per kpi_id and change_date.
    The days from which a KPI counts otherwise than before: another agreed version
    begins, or a policy that its measures follow gets another value.
-#}
with

versions as (

    select
        *,
        min(effective_from) over (partition by kpi_id) as first_day
    from {{ ref('int_kpi_versions') }}
    where is_published

),

measures as (

    select * from {{ ref('measures') }}

),

policies as (

    select
        policy_id,
        policy_value,
        effective_from,
        lag(policy_value) over (
            partition by policy_id order by effective_from
        ) as value_before
    from {{ ref('kpi_policies') }}

),

final as (

    select
        kpi_id,
        effective_from as change_date
    from versions
    where effective_from > first_day

    union

    select
        versions.kpi_id,
        policies.effective_from as change_date
    from policies
    -- many-to-many: the measures that follow the policy
    inner join measures
        on {{ dbt.position(
            "' ' || policies.policy_id || ' '", "' ' || measures.policy_ids || ' '"
        ) }} > 0
    -- one-to-many: the KPIs that are made of the measure on that day
    inner join versions
        on measures.measure_id in (
            versions.numerator_measure_id, versions.denominator_measure_id
        )
        and policies.effective_from >= versions.effective_from
        and policies.effective_from <= versions.last_day
    where policies.policy_value <> policies.value_before

)

select * from final

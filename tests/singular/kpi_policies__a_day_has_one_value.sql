with

values_over_time as (

    select
        policy_id,
        effective_from,
        effective_to,
        lag(effective_to) over (partition by policy_id order by effective_from)
            as effective_to_before,
        lag(effective_from) over (partition by policy_id order by effective_from)
            as effective_from_before,
        lead(effective_from) over (partition by policy_id order by effective_from)
            as effective_from_after
    from {{ ref('kpi_policies') }}

)

select * from values_over_time
where
    effective_to < effective_from
    -- the first value holds from the calendar's beginning, the last one has no end
    or (
        effective_from_before is null
        and effective_from > cast('{{ var("calendar_start") }}' as date)
    )
    or (effective_from_after is null and effective_to is not null)
    or (
        effective_from_before is not null
        and effective_from
        is distinct from cast(
            {{ dbt.dateadd('day', 1, 'effective_to_before') }} as date
        )
    )

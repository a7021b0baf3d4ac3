with

versions as (

    select
        kpi_id,
        version,
        effective_from,
        last_day,
        lag(last_day) over (partition by kpi_id order by version) as last_day_before
    from {{ ref('int_kpi_versions') }}
    where status <> 'draft'

)

select * from versions
where
    last_day < effective_from
    or effective_from <> {{ dbt.dateadd('day', 1, 'last_day_before') }}

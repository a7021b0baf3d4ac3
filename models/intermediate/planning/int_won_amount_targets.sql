{#-
    Grain: one row per channel and month that has a target of won amount; channel `all` is
    the total.
    The targets of the department that owns the KPI, else of the first of the departments
    that has any. Its total is what it says, else the sum of its channels. A month that no
    department has a target for has the goal (KGI) as its total.
-#}
{%- set kpi_id = 'won_amount' -%}
with

targets as (

    select * from {{ ref('int_targets') }}
    where is_in_force and kpi_id = '{{ kpi_id }}'

),

goals as (

    select * from {{ ref('int_goals') }}

),

departments as (

    select * from {{ ref('kpi_departments') }}

),

owners as (

    select owner_department
    from {{ ref('int_kpi_versions') }}
    where
        kpi_id = '{{ kpi_id }}'
        and is_published
        and {{ as_of_date() }} between effective_from and last_day

),

numbered as (

    select
        targets.*,
        dense_rank() over (
            partition by targets.month
            order by
                case when owners.owner_department is null then 1 else 0 end,
                departments.sort_order
        ) as department_number
    from targets
    -- many-to-one
    left join owners on targets.department_id = owners.owner_department
    -- many-to-one
    left join departments on targets.department_id = departments.department_id

),

by_channel as (

    select
        channel_id,
        month,
        sum(target_value) as target_amount
    from numbered
    where department_number = 1
    group by channel_id, month

),

stated_totals as (

    select
        month,
        max(case when channel_id = 'all' then target_amount end) as total,
        sum(case when channel_id <> 'all' then target_amount end) as sum_of_channels
    from by_channel
    group by month

),

unioned as (

    select
        channel_id,
        'targets' as target_source,
        target_amount,
        month
    from by_channel
    where channel_id <> 'all'

    union all

    select
        'all' as channel_id,
        'targets' as target_source,
        coalesce(total, sum_of_channels) as target_amount,
        month
    from stated_totals

    union all

    select
        'all' as channel_id,
        'kgi' as target_source,
        won_amount as target_amount,
        month
    from goals
    where month not in (select stated_totals.month from stated_totals)

),

final as (

    select
        channel_id,
        target_source,
        cast(target_amount as decimal(18, 2)) as target_amount,
        month
    from unioned

)

select * from final

{#-
    Grain: one row per month, channel and node of the KGI tree that a department supplies;
    channel `all` is the total.
    The targets in force of the supplying department. Its total is what it says, else the
    sum of its channels.
-#}
with

targets as (

    select * from {{ ref('int_targets') }} where is_in_force

),

tree as (

    select * from {{ ref('kgi_tree') }}

),

by_channel as (

    select
        targets.month,
        targets.channel_id,
        tree.node,
        sum(targets.target_value) as supply
    from targets
    -- many-to-one
    inner join tree
        on targets.kpi_id = tree.kpi_id
        and targets.department_id = tree.supply_department
    group by targets.month, targets.channel_id, tree.node

),

totals as (

    select
        month,
        node,
        max(case when channel_id = 'all' then supply end) as stated,
        sum(case when channel_id <> 'all' then supply end) as sum_of_channels
    from by_channel
    group by month, node

),

unioned as (

    select
        month,
        channel_id,
        node,
        supply
    from by_channel
    where channel_id <> 'all'

    union all

    select
        month,
        'all' as channel_id,
        node,
        coalesce(stated, sum_of_channels) as supply
    from totals

),

final as (

    select
        channel_id,
        node,
        cast(supply as decimal(18, 2)) as supply,
        month
    from unioned

)

select * from final

-- Every chain has each node of the seed once, whatever its depth; and nothing is NULL
-- without a reason (R1).
with

tree as (

    select count(*) as node_count from {{ ref('kgi_tree') }}

),

chains as (

    select
        month,
        channel_id,
        count(*) as node_count,
        sum(
            case
                when (required is null) = coalesce(
                    reason in ('no_cases', 'zero_rate'), false
                )
                    then 0
                else 1
            end
        ) as unexplained
    from {{ ref('kgi_kpi_tree') }}
    group by month, channel_id

)

select chains.*
from chains
cross join tree
where chains.node_count <> tree.node_count or chains.unexplained > 0

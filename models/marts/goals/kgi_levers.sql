{#-
    Grain: one row per month, channel_id, infeasible node and lever.
    What would have to be true: a single rate, the goal or the limit itself, changed so
    that the requirement is what the limit allows. A requirement is the goal divided by
    the rates above it, so that one of them × (requirement ÷ limit) closes the gap.
-#}
{%- set at_most = '(1 + ' ~ var('lever_tolerance') ~ ')' -%}
with

tree as (

    select * from {{ ref('kgi_tree') }}

),

nodes as (

    select * from {{ ref('kgi_kpi_tree') }}

),

reasons as (

    select * from {{ ref('tree_reasons') }}

),

path_0 as (

    select
        node,
        node as lever,
        parent as above
    from tree
    where kpi_id is not null

),

{% for level in range(1, var('tree_depth') + 1) %}
path_{{ level }} as (

    select
        path_{{ level - 1 }}.node,
        tree.node as lever,
        tree.parent as above
    from path_{{ level - 1 }}
    -- many-to-one
    inner join tree on path_{{ level - 1 }}.above = tree.node

),

{% endfor %}
paths as (

    {% for level in range(var('tree_depth') + 1) %}
    select * from path_{{ level }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

gaps as (

    select
        nodes.month,
        nodes.channel_id,
        nodes.node,
        nodes.history_max,
        reasons.limited_by,
        reasons.is_lever,
        reasons.limit_name_ja,
        reasons.limit_name_en,
        nodes.required,
        nodes.required_exact,
        nodes.required_low,
        case reasons.limited_by
            when 'supply' then nodes.supply
            when 'capacity' then nodes.capacity
            else nodes.history_max
        end as limit_value
    from nodes
    -- many-to-one
    inner join reasons on nodes.reason = reasons.reason_id
    where not nodes.is_feasible

),

-- exact, so that what is needed is not more than the rounding asks for; only whole
-- numbers are within a limit
exact_gaps as (

    select
        *,
        floor(cast(limit_value as {{ type_double() }})) as allowed,
        case
            when limited_by = 'history'
                then least(cast(required_low as {{ type_double() }}), required_exact)
            else required_exact
        end as wanted
    from gaps

),

levers as (

    select
        gaps.month,
        gaps.channel_id,
        gaps.node,
        paths.lever,
        gaps.limited_by,
        case when paths.above is null then 'goal' else 'rate' end as lever_kind,
        coalesce(tree.rate_name_ja, tree.name_ja) as name_ja,
        coalesce(tree.rate_name_en, tree.name_en) as name_en,
        case
            when paths.above is null
                then cast(lever_nodes.required as {{ type_double() }})
            else lever_nodes.rate_used
        end as current_value,
        case
            when paths.above is null
                then
                    cast(lever_nodes.required as {{ type_double() }})
                    * gaps.allowed / gaps.wanted
            -- nothing is allowed: no rate is high enough
            else lever_nodes.rate_used * gaps.wanted / nullif(gaps.allowed, 0)
        end as needed_value,
        case
            when paths.above is null
                then cast(lever_nodes.history_max as {{ type_double() }})
            else lever_nodes.rate_history_max
        end as best_value,
        coalesce(tree.rate_kind = 'proportion' and lever_nodes.rate_used <= 1, false)
            as is_share
    from exact_gaps as gaps
    -- one-to-many: the node and all above it
    inner join paths on gaps.node = paths.node
    -- many-to-one
    inner join tree on paths.lever = tree.node
    -- many-to-one
    inner join nodes as lever_nodes
        on gaps.month = lever_nodes.month
        and gaps.channel_id = lever_nodes.channel_id
        and paths.lever = lever_nodes.node

    union all

    select
        month,
        channel_id,
        node,
        limited_by as lever,
        limited_by,
        'limit' as lever_kind,
        limit_name_ja as name_ja,
        limit_name_en as name_en,
        cast(limit_value as {{ type_double() }}) as current_value,
        cast(required as {{ type_double() }}) as needed_value,
        cast(history_max as {{ type_double() }}) as best_value,
        false as is_share
    from gaps
    where is_lever

),

final as (

    select
        -- ids
        channel_id,
        node,
        lever,

        -- texts
        name_ja,
        name_en,
        lever_kind,
        limited_by,

        -- numerics
        current_value,
        needed_value,
        needed_value - current_value as change,
        (needed_value - current_value) / nullif(current_value, 0) as change_share,
        best_value as history_max,

        -- booleans
        needed_value is not null
        and not (is_share and needed_value > {{ at_most }}) as is_possible,
        needed_value <= best_value * {{ at_most }} as is_within_history,

        -- dates
        month
    from levers

)

select * from final

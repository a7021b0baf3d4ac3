{#-
    A select of (id, root_id, is_cycle) for every row of `relation` that has another one
    as its parent, where root_id is the end of its chain of parents. Pointer doubling:
    `doublings` joins follow chains of up to 2^doublings links, without recursion. A
    chain that bites its own tail has no end; its rows come back with is_cycle.

    relation: name of a CTE or relation with `id` and `parent_id`, one row per id.
-#}
{% macro resolve_chain(relation, id, parent_id, doublings=5) -%}
    with links_0 as (

        select
            {{ id }} as id,
            {{ parent_id }} as root_id
        from {{ relation }}
        -- some tools name a row that has no parent as its own
        where {{ parent_id }} <> {{ id }}

    ){% for step in range(1, doublings + 1) %},

    links_{{ step }} as (

        select
            child.id,
            coalesce(parent.root_id, child.root_id) as root_id
        from links_{{ step - 1 }} as child
        left join links_{{ step - 1 }} as parent on child.root_id = parent.id

    ){% endfor %}

    select
        chain.id,
        chain.root_id,
        unended.id is not null as is_cycle
    from links_{{ doublings }} as chain
    left join links_0 as unended on chain.root_id = unended.id
{%- endmacro %}

{#-
    The CTEs that carry goals down the tree, stage by stage; the last one is `carried`:
    month, channel_id, node, broken_node (the first stage without a rate), required,
    required_exact, and the squares of the logarithms of rate ÷ limit summed down to the
    node (MOVER).

    is_rounded_at_each_stage    whether a stage starts from the whole number of the one
                                before. Else the chain is one fraction, goal × last_cases
                                ÷ (first_results × first_cases): with the rates of one
                                scope all counts in between cancel out.

    Reads the CTEs tree, chains (goals by month and channel) and spread (their stages).
    Unrolled to var `tree_depth` levels: not every engine recurses.
-#}
{% macro carry_requirements(is_rounded_at_each_stage) -%}
{%- set double = type_double() -%}
level_0 as (

    select
        chains.month,
        chains.channel_id,
        tree.node,
        cast(null as {{ dbt.type_string() }}) as broken_node,
        {% if is_rounded_at_each_stage -%}
        chains.goal as required,
        {% else -%}
        chains.goal,
        cast(null as decimal(18, 0)) as last_cases,
        cast(null as decimal(18, 2)) as first_results,
        cast(null as decimal(18, 0)) as first_cases,
        cast(null as decimal(18, 0)) as first_volume,
        {% endif -%}
        cast(chains.goal as {{ double }}) as required_exact,
        cast(0 as {{ double }}) as rate_low_squares,
        cast(0 as {{ double }}) as rate_high_squares
    from chains
    -- one-to-one: the goal's node
    inner join tree on tree.parent is null and tree.kpi_id is not null

),

{% for level in range(1, var('tree_depth') + 1) %}
level_{{ level }} as (

    select
        spread.month,
        spread.channel_id,
        spread.node,
        coalesce(
            above.broken_node,
            case when spread.stage_reason is not null then spread.node end
        ) as broken_node,
        {% if is_rounded_at_each_stage -%}
        case
            when above.broken_node is null and spread.stage_reason is null
                then cast(
                    {{ whole_quotient(
                        'cast(above.required as decimal(20, 2)) * spread.cases',
                        'spread.results'
                    ) | indent(20) }}
                    as decimal(18, 2)
                )
        end as required,
        cast(above.required as {{ double }})
        * cast(spread.cases as {{ double }})
        / nullif(cast(spread.results as {{ double }}), 0) as required_exact,
        {% elif level == 1 -%}
        above.goal,
        spread.cases as last_cases,
        spread.results as first_results,
        cast(1 as decimal(18, 0)) as first_cases,
        -- of a rate that is stated, not counted, the cases are still in the next stage
        cast(
            case when spread.is_rate_stated then spread.volume else 1 end
            as decimal(18, 0)
        ) as first_volume,
        cast(above.goal as {{ double }})
        * cast(spread.cases as {{ double }})
        / nullif(cast(spread.results as {{ double }}), 0) as required_exact,
        {% else -%}
        above.goal,
        spread.volume as last_cases,
        above.first_results,
        above.first_volume as first_cases,
        above.first_volume,
        cast(above.goal as {{ double }})
        * cast(spread.volume as {{ double }})
        / nullif(
            cast(above.first_results as {{ double }})
            * cast(above.first_volume as {{ double }}), 0
        ) as required_exact,
        {% endif -%}
        above.rate_low_squares + spread.low_square as rate_low_squares,
        above.rate_high_squares + spread.high_square as rate_high_squares
    from spread
    -- many-to-one
    inner join level_{{ level - 1 }} as above
        on spread.month = above.month
        and spread.channel_id = above.channel_id
        and spread.parent = above.node

),

{% endfor %}
all_levels as (

    {% for level in range(var('tree_depth') + 1) %}
    select * from level_{{ level }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{% if is_rounded_at_each_stage -%}
carried as (

    select * from all_levels

)
{%- else -%}
-- ceil(a ÷ (b × c)) is ceil(ceil(a ÷ b) ÷ c) for a whole c, and never leaves 38 digits
divided as (

    select
        *,
        case
            when broken_node is null
                then cast(
                    {{ whole_quotient(
                        'cast(goal as decimal(20, 2)) * last_cases', 'first_results'
                    ) | indent(20) }}
                    as decimal(18, 0)
                )
        end as first_quotient
    from all_levels

),

carried as (

    select
        *,
        case
            -- the goal itself is no count
            when first_results is null then goal
            else cast(
                {{ whole_quotient('first_quotient', 'first_cases') | indent(16) }}
                as decimal(18, 2)
            )
        end as required
    from divided

)
{%- endif %}
{%- endmacro %}

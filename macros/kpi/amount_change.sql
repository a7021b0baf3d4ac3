{#-
    A select of the change of the won amount since the earlier period, by factor of the
    tree (seed amount_tree): keys, factor_id, value, previous_value, value_reason,
    effect_jpy, effect_reason and the flags of the comparison.

    relation    a published KPI table
    dimension   its column besides KPI, basis and period, or none for the totals

    The amount is the product of the factors, each a stage of the tree over the stage
    before. Additive LMDI-I: a factor's effect is ln(its growth) times the logarithmic
    mean of both amounts, and the effects add up to the change. Where logarithms fail:
    -   A stage without cases in one of the periods has no factor, nor has the one after
        it. What lies between the stages that do have cases is one effect, `unexplained`.
    -   An amount of zero on one side: the whole change is given to the factor that ends
        the chain there, the first without cases after the last stage that has some.
        That is the limit of LMDI as the zero is approached (B. W. Ang and N. Liu,
        Energy Policy 35 (2007), 238–246).
    -   A stage below zero: the whole change is `unexplained`.
-#}
{% macro amount_change(relation, dimension=none) -%}
{%- set keys = ['basis', 'comparison', 'period_grain', 'period_start'] -%}
{%- do keys.append(dimension) if dimension -%}
{%- set key_list = keys | join(', ') -%}
{%- set flags = [
    'is_complete', 'is_previous_complete', 'is_previous_covered', 'is_mature',
    'is_previous_mature'
] -%}
with

factors as (

    select
        factor_id,
        stage_kpi_id,
        sort_order,
        row_number() over (order by sort_order) as position,
        count(stage_kpi_id) over () as last_position
    from {{ ref('amount_tree') }}

),

pairs as (

    {{ beside_earlier(
        relation, dimension,
        'select stage_kpi_id from ' ~ ref('amount_tree') ~ ' where stage_kpi_id is not null'
    ) }}

),

stages as (

    select
        pairs.*,
        factors.position,
        factors.last_position
    from pairs
    -- many-to-one
    inner join factors on pairs.kpi_id = factors.stage_kpi_id

),

-- one row per key: what the tree as a whole is
trees as (

    select
        {{ key_list }},
        max(period_end) as period_end,
        max(previous_period_start) as previous_period_start,
        max(previous_period_end) as previous_period_end,
        max(case when position = last_position then value end) as amount,
        max(case when position = last_position then previous_value end)
            as previous_amount,
        min(value) < 0 or min(previous_value) < 0 as has_negative,
        max(cast(is_definition_changed as integer)) = 1 as is_definition_changed
        {%- for flag in flags %},
        min(cast({{ flag }} as integer)) = 1 as {{ flag }}
        {%- endfor %}
    from stages
    group by {{ key_list }}

),

classed as (

    select
        *,
        case
            when has_negative then 'negative'
            when amount > 0 and previous_amount > 0 then 'both'
            when amount > 0 then 'won_now'
            when previous_amount > 0 then 'won_before'
            else 'nothing'
        end as tree_kind
    from trees

),

stages_of_trees as (

    select
        stages.*,
        classed.tree_kind,
        classed.amount,
        classed.previous_amount,
        -- where nothing was won on one side, the other side's stages make the chain
        case classed.tree_kind
            when 'both' then stages.value > 0 and stages.previous_value > 0
            when 'won_now' then stages.value > 0
            when 'won_before' then stages.previous_value > 0
            else false
        end as is_link,
        case classed.tree_kind
            when 'won_now' then stages.previous_value
            when 'won_before' then stages.value
        end as empty_side
    from stages
    -- many-to-one
    inner join classed
        on {% for key in keys -%}
        stages.{{ key }} = classed.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

),

-- each stage is between two links of the chain, or is the later one itself
chained as (

    select
        *,
        coalesce(
            max(case when is_link then position end) over (
                partition by {{ key_list }} order by position
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as link_start,
        min(case when is_link then position end) over (
            partition by {{ key_list }} order by position
            rows between current row and unbounded following
        ) as link_end,
        coalesce(
            max(case when is_link and empty_side > 0 then position end) over (
                partition by {{ key_list }}
            ), 0
        ) as last_reached
    from stages_of_trees

),

growth as (

    select
        *,
        case when is_link and tree_kind = 'both' then ln(value / previous_value) end
            as log_growth
    from chained

),

links as (

    select
        {{ key_list }},
        link_end,
        link_end - link_start > 1
        and (tree_kind = 'both' or link_start = last_reached) as is_gap,
        case
            when tree_kind = 'both'
                then {{ log_mean('amount', 'previous_amount') }} * (
                    log_growth
                    - coalesce(
                        lag(log_growth) over (
                            partition by {{ key_list }} order by position
                        ), 0
                    )
                )
            when link_start = last_reached then amount - previous_amount
            else 0
        end as effect
    from growth
    where is_link

),

unexplained as (

    select
        {{ key_list }},
        sum(case when is_gap then effect else 0 end) as effect,
        max(cast(is_gap as integer)) = 1 as has_gap
    from links
    group by {{ key_list }}

),

-- every factor of every tree, with the stage that it leads to
cells as (

    select
        classed.*,
        factors.factor_id,
        factors.stage_kpi_id,
        factors.sort_order
    from classed
    cross join factors

),

raw_effects as (

    select
        cells.*,
        growth.value as stage_value,
        growth.previous_value as previous_stage_value,
        growth.position,
        coalesce(links.is_gap, false) as is_in_gap,
        coalesce(unexplained.has_gap, false) as has_gap,
        case
            when cells.stage_kpi_id is null and cells.tree_kind = 'negative'
                then cells.amount - cells.previous_amount
            when cells.stage_kpi_id is null then coalesce(unexplained.effect, 0)
            when links.is_gap or cells.tree_kind in ('negative', 'nothing') then 0
            else links.effect
        end as raw_effect
    from cells
    -- one-to-one; left, as the part without a factor has no stage
    left join growth
        on cells.stage_kpi_id = growth.kpi_id
        {%- for key in keys %}
        and cells.{{ key }} = growth.{{ key }}
        {%- endfor %}
    -- many-to-one
    left join links
        on growth.link_end = links.link_end
        {%- for key in keys %}
        and growth.{{ key }} = links.{{ key }}
        {%- endfor %}
    -- many-to-one
    left join unexplained
        on {% for key in keys -%}
        cells.{{ key }} = unexplained.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

),

valued as (

    select
        *,
        case
            when position = 1 then stage_value
            else stage_value / nullif(lag(stage_value) over (
                partition by {{ key_list }} order by sort_order
            ), 0)
        end as value,
        case
            when position = 1 then previous_stage_value
            else previous_stage_value / nullif(lag(previous_stage_value) over (
                partition by {{ key_list }} order by sort_order
            ), 0)
        end as previous_value,
        cast(
            sum(raw_effect) over (
                partition by {{ key_list }} order by sort_order
                rows between unbounded preceding and current row
            ) as decimal(18, 2)
        ) as effect_so_far
    from raw_effects

),

-- rounded as running totals, so that the rounded effects add up as well
rounded as (

    select
        *,
        effect_so_far - coalesce(
            lag(effect_so_far) over (
                partition by {{ key_list }} order by sort_order
            ), 0
        ) as rounded_effect
    from valued

)

select
    -- ids
    factor_id,
    {%- if dimension %}
    {{ dimension }},
    {%- endif %}

    -- texts
    basis,
    comparison,
    period_grain,
    case
        when stage_kpi_id is null then 'not_applicable'
        when value is null then 'no_cases'
        when previous_value is null then 'no_cases_before'
    end as value_reason,
    case
        when tree_kind = 'negative' then 'negative_amount'
        when is_in_gap or (stage_kpi_id is null and has_gap)
            then 'stage_without_cases'
        when tree_kind = 'won_now' then 'nothing_won_before'
        when tree_kind = 'won_before' then 'nothing_won'
    end as effect_reason,

    -- numerics
    value,
    previous_value,
    case
        when stage_kpi_id is null
            or not (tree_kind = 'negative' or is_in_gap)
            then cast(rounded_effect as decimal(18, 2))
    end as effect_jpy,
    sort_order,

    -- booleans
    is_definition_changed,
    {%- for flag in flags %}
    {{ flag }},
    {%- endfor %}

    -- dates
    period_start,
    period_end,
    previous_period_start,
    previous_period_end
from rounded
{%- endmacro %}

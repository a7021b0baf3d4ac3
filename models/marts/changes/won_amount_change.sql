{#-
    Grain: one row per basis, comparison, period_grain, period_start and factor_id.
    What each factor of the tree (volume, rates, deal size) has added to the change of
    the won amount since the earlier period, by the factors of the total; beside it the
    channels' own effects, and mix, the difference.
-#}
{%- set keys = ['basis', 'comparison', 'period_grain', 'period_start', 'factor_id'] -%}
with

changes as (

    {{ amount_change(ref('kpi_by_period')) }}

),

channels as (

    select * from {{ ref('won_amount_change_by_channel') }}

),

factors as (

    select * from {{ ref('amount_tree') }}

),

within_channels as (

    select
        sum(coalesce(effect_jpy, 0)) as effect_jpy,
        {{ keys | join(', ') }}
    from channels
    group by {{ keys | join(', ') }}

),

final as (

    select
        -- ids
        changes.factor_id,

        -- texts
        changes.basis,
        changes.comparison,
        changes.period_grain,
        factors.name_ja as factor_name_ja,
        factors.name_en as factor_name_en,
        changes.value_reason,
        changes.effect_reason,

        -- numerics
        changes.value,
        changes.previous_value,
        changes.effect_jpy,
        cast(within_channels.effect_jpy as decimal(18, 2)) as within_channels_jpy,
        cast(changes.effect_jpy - within_channels.effect_jpy as decimal(18, 2))
            as mix_jpy,
        changes.sort_order,

        -- booleans
        changes.is_definition_changed,
        changes.is_complete,
        changes.is_previous_complete,
        changes.is_previous_covered,
        changes.is_mature,
        changes.is_previous_mature,

        -- dates
        changes.period_start,
        changes.period_end,
        changes.previous_period_start,
        changes.previous_period_end
    from changes
    -- many-to-one
    inner join factors on changes.factor_id = factors.factor_id
    -- one-to-one
    inner join within_channels
        on {% for key in keys -%}
        changes.{{ key }} = within_channels.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

)

select * from final

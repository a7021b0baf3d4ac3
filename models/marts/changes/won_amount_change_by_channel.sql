{#-
    Grain: one row per basis, comparison, period_grain, period_start, channel_id and
    factor_id.
    What each factor of the tree (volume, rates, deal size) has added to the change of
    each channel's won amount since the earlier period.
-#}
with

changes as (

    {{ amount_change(ref('kpi_by_channel_period'), 'channel_id') }}

),

factors as (

    select * from {{ ref('amount_tree') }}

),

final as (

    select
        -- ids
        changes.factor_id,
        changes.channel_id,

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

)

select * from final

{#- Grain: one row per distribution, that is per thing observed case by case. -#}
with

distributions as (

    select * from {{ ref('distributions') }}

),

final as (

    select
        -- ids
        distribution_id,

        -- texts
        name_ja,
        name_en,
        counts_ja,
        counts_en,
        clock,
        unit,

        -- numerics
        maturity_days
    from distributions

)

select * from final

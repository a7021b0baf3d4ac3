{#- Grain: one row per rep and validity range; ranges of a rep never overlap. -#}
with

reps as (

    select * from {{ ref('int_rep_validity') }}

),

final as (

    select
        rep_id,
        department_id,
        name,
        team,
        department,
        is_inside_sales,
        valid_from,
        valid_to
    from reps

)

select * from final

{#-
    Grain: one row in all.
    The agreed policies side by side, typed, so that a model reads them with one cross
    join.
-#}
with

policies as (

    select * from {{ ref('kpi_policies') }}

),

final as (

    select
        max(case when policy_id = 'meeting_counts_at' then policy_value end)
            as meeting_counts_at,
        max(case when policy_id = 'follow_up_starts' then policy_value end)
            as follow_up_starts,
        cast(
            max(case when policy_id = 'open_window_days' then policy_value end)
            as integer
        ) as open_window_days,
        cast(
            max(case when policy_id = 'influence_window_days' then policy_value end)
            as integer
        ) as influence_window_days
    from policies

)

select * from final

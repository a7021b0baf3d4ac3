{#-
    Grain: one row per surviving lead.
    How often it was approached by the as-of date, when first and when with a
    connection.
-#}
with

cadence as (

    select * from {{ ref('int_lead_cadence') }}

),

final as (

    select
        -- ids
        lead_id,
        channel_id,
        rep_id,
        first_approach_rep_id,
        first_connection_rep_id,

        -- numerics
        touch_count,
        attempts_to_first_connection,
        untouched_days,

        -- booleans
        is_untouched,

        -- dates
        acquired_date,
        first_approach_date,
        first_connection_date
    from cadence

)

select * from final

{#-
    Grain: one row per meeting basis, lead key and engagement cycle that has a meeting.
    `agreed` is the basis that policy meeting_counts_at names; both others are always
    there, to be held against each other, and are never added to it.
-#}
with

meetings as (

    select * from {{ ref('int_meetings') }}

),

final as (

    select
        -- ids
        lead_key,
        lead_id,
        event_id,
        channel_id,
        rep_id,

        -- texts
        meeting_basis,

        -- numerics
        cast(cycle_number as bigint) as cycle_number,

        -- dates
        meeting_at,
        meeting_date
    from meetings

)

select * from final

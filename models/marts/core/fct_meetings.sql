{#-
    Grain: one row per meeting basis, event that is counted (counted_at), lead key and
    engagement cycle that has a meeting.
    `agreed` repeats the rows that policy meeting_counts_at names on their day; bases
    are held against each other and never added.
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
        counted_at,

        -- numerics
        cast(cycle_number as bigint) as cycle_number,

        -- dates
        meeting_at,
        meeting_date
    from meetings

)

select * from final

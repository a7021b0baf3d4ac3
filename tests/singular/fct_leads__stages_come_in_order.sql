-- The funnel of a cohort only narrows: who is judged was held, who is held was booked.
select
    lead_id,
    appointment_set_at,
    appointment_held_at,
    judged_at,
    qualified_at
from {{ ref('fct_leads') }}
where
    (appointment_held_at is not null and appointment_set_at is null)
    or (judged_at is not null and appointment_held_at is null)
    or (qualified_at is not null and judged_at is null)
    or (first_connected_at is not null and first_touched_at is null)
    or qualified_at < judged_at
    or first_connected_at < first_touched_at

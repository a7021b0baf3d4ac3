-- Counts of one period and channel that can only shrink from one stage to the next.
select *
from {{ ref('funnel_by_channel_period') }}
where
    calls_connected > calls_made
    or emails_delivered > emails_sent
    or connectors > follow_ups
    or effective_conversations > target_connections
    or meetings_first_appointment > appointments_set

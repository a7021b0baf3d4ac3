-- R1: a value that is not there says why, and one that is there says nothing.
select
    period_grain,
    period_start,
    channel_id,
    velocity_jpy_per_day,
    velocity_reason
from {{ ref('pipeline_velocity') }}
where (velocity_jpy_per_day is null) <> (velocity_reason is not null)

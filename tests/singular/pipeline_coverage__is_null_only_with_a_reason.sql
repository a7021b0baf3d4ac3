-- R1: a value that is not there says why, and one that is there says nothing.
select
    period_grain,
    period_start,
    channel_id,
    coverage,
    coverage_reason
from {{ ref('pipeline_coverage') }}
where (coverage is null) <> (coverage_reason is not null)

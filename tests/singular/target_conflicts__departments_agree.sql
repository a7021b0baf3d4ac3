-- Targets that do not fit together are all published, so it warns by default;
-- UNMAPPED_SEVERITY=error (STRICT=1 make build) makes it an error.
{{ config(severity=env_var('UNMAPPED_SEVERITY', 'warn')) }}
select
    rule_id,
    month,
    channel_id,
    detail_ja,
    detail_en
from {{ ref('target_conflicts') }}

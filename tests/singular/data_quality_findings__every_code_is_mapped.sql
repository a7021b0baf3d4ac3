-- R8. What it finds is published under `unmapped`, so it warns by default;
-- UNMAPPED_SEVERITY=error (STRICT=1 make build) makes it an error.
{{ config(severity=env_var('UNMAPPED_SEVERITY', 'warn')) }}
select
    object,
    rule,
    detail
from {{ ref('data_quality_findings') }}
where rule like 'unmapped%'

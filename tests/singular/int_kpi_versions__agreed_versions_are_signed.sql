select
    kpi_id,
    version,
    missing_signoffs
from {{ ref('int_kpi_versions') }}
where status <> 'draft' and not is_published

{#-
    A select of what each measure is to the version of a KPI that counts the events of a
    regime: role is numerator, denominator or sample. One row per KPI, version, regime
    and role.

    is_draft    whether one version counts all of history

    Reads two CTEs: `definitions`, versions of KPIs with effective_from and last_day, and
    `regimes`, the values of regime_start.
-#}
{% macro kpi_roles(is_draft=false) -%}
{% for role in ['numerator', 'denominator', 'sample'] %}
select
    definitions.kpi_id,
    definitions.version,
    definitions.has_event_basis,
    definitions.has_cohort_basis,
    regimes.regime_start,
    definitions.{{ role }}_measure_id as measure_id,
    '{{ role }}' as role
from definitions
{% if is_draft %}
cross join regimes
{% else %}
-- one-to-many; no regime reaches over a change of version
inner join regimes
    on regimes.regime_start
    between definitions.effective_from and definitions.last_day
{% endif %}
where definitions.{{ role }}_measure_id is not null
{{ 'union all' if not loop.last }}
{% endfor %}
{%- endmacro %}

{#-
    Grain: one row per landed row of generic that is rejected, or accepted with a value
    that cannot be read.
-#}
{%- set models = {
    'leads': 'stg_generic__leads',
    'lead_status_history': 'stg_generic__lead_status_history',
    'opportunities': 'stg_generic__opportunities',
    'opportunity_stage_history': 'stg_generic__opportunity_stage_history',
    'calls': 'stg_generic__calls',
    'emails': 'stg_generic__emails',
    'email_events': 'stg_generic__email_events',
    'touches': 'stg_generic__touches',
    'appointments': 'stg_generic__appointments',
    'permissions': 'stg_generic__permissions',
    'users': 'stg_generic__users',
} -%}
{{ staged_row_findings('generic', models) }}

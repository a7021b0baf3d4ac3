{#-
    Grain: one row per landed row of planning that is rejected, or accepted with a value
    that cannot be read.
-#}
{%- set models = {
    'attendance': 'stg_planning__attendance',
    'targets': 'stg_planning__targets',
    'kgi': 'stg_planning__kgi',
    'company_holidays': 'stg_planning__company_holidays',
    'fx_rates': 'stg_planning__fx_rates',
    'campaign_costs': 'stg_planning__campaign_costs',
} -%}
{{ staged_row_findings('planning', models) }}

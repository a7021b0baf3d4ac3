{#-
    Grain: one row per object, file and fate of the landed rows of planning that reach no
    common object.
-#}
{%- set models = {
    'attendance': 'stg_planning__attendance',
    'targets': 'stg_planning__targets',
    'kgi': 'stg_planning__kgi',
    'company_holidays': 'stg_planning__company_holidays',
    'fx_rates': 'stg_planning__fx_rates',
    'campaign_costs': 'stg_planning__campaign_costs',
} -%}
{{ staged_row_account(models, accepted_fate='used') }}

{#- Grain: one row per landed row of salesforce/lead_history, accepted or not. -#}
{{ stage_landed('salesforce', 'lead_history') }}

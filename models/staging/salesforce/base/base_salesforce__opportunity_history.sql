{#- Grain: one row per landed row of salesforce/opportunity_history, accepted or not. -#}
{{ stage_landed('salesforce', 'opportunity_history') }}

{#- Grain: one row per landed row of salesforce/opportunity_field_history, accepted or not. -#}
{{ stage_landed('salesforce', 'opportunity_field_history') }}

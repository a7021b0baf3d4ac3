{#- Grain: one row per landed row of salesforce/opportunity, accepted or not. -#}
{{ stage_landed('salesforce', 'opportunity') }}

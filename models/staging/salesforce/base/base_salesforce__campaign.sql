{#- Grain: one row per landed row of salesforce/campaign, accepted or not. -#}
{{ stage_landed('salesforce', 'campaign') }}

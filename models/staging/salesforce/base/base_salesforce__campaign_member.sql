{#- Grain: one row per landed row of salesforce/campaign_member, accepted or not. -#}
{{ stage_landed('salesforce', 'campaign_member') }}

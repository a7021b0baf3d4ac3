{#- Grain: one row per landed row of planning/campaign_costs, accepted or not. -#}
{{ stage_landed('planning', 'campaign_costs') }}

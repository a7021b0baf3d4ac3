{#- Grain: one row per landed row of planning/fx_rates, accepted or not. -#}
{{ stage_landed('planning', 'fx_rates') }}

{#- Grain: one row per landed row of generic/opportunities, accepted or not. -#}
{{ stage_landed('generic', 'opportunities') }}

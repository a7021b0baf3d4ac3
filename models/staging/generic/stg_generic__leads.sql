{#- Grain: one row per landed row of generic/leads, accepted or not. -#}
{{ stage_landed('generic', 'leads') }}

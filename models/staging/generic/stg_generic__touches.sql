{#- Grain: one row per landed row of generic/touches, accepted or not. -#}
{{ stage_landed('generic', 'touches') }}

{#- Grain: one row per landed row of generic/emails, accepted or not. -#}
{{ stage_landed('generic', 'emails') }}

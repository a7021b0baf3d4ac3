{#- Grain: one row per message and recipient, as one system logged it. -#}
{{ union_systems('emails') }}

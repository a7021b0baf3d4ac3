{#-
    Grain: one row per lead record of any CRM, merged and deleted ones included.
-#}
{{ union_systems('leads') }}

{#-
    Grain: one row per system, object, file and fate of the landed rows that
    reach no common object.
-#}
{{ union_systems('row_account') }}

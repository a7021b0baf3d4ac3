{#-
    Grain: one row per id that means a lead although it is none, such as the
    contact it was converted into.
-#}
{{ union_systems('lead_aliases') }}

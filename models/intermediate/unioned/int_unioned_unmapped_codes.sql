{#-
    Grain: one row per system, object, rule and code that no structural mapping of that
    system knows, with the first row that has it.
-#}
{{ union_systems('unmapped_codes') }}

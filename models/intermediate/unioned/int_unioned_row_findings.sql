{#-
    Grain: one row per landed row that is rejected, or accepted with a value
    that cannot be read.
-#}
{{ union_systems('row_findings') }}

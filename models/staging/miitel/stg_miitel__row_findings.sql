{#-
    Grain: one row per landed row of miitel that is rejected, or accepted with a value
    that cannot be read.
-#}
{{ staged_row_findings('miitel', {'call': 'base_miitel__call'}) }}

{#-
    Grain: one row per object, file and fate of the landed rows of miitel that reach no
    common object.
-#}
{{ staged_row_account({'call': 'base_miitel__call'}) }}

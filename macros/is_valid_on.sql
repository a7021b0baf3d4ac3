{#-
    Whether a row of a mapping is what its code meant on a day: valid_from to valid_to,
    both included, and without an end where they are empty.
-#}
{% macro is_valid_on(mapping, day) -%}
    (
        {{ mapping }}.valid_from is null
        or {{ definition_day(day) }} >= {{ mapping }}.valid_from
    )
    and (
        {{ mapping }}.valid_to is null
        or {{ definition_day(day) }} <= {{ mapping }}.valid_to
    )
{%- endmacro %}

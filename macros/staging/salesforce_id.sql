{#-
    A Salesforce id in its 18 characters, so that one record has one id. An id of 15
    characters tells upper from lower case and gets its checksum: per five characters
    one of A to Z and 0 to 5, whose number has a bit for each upper-case letter, the
    first one the lowest. Other lengths stay as they are, blank is NULL.
    That is Salesforce's own conversion. ascii() rather than `between 'A' and 'Z'`, which
    depends on the collation of the database.
-#}
{% macro salesforce_id(expression) -%}
    {%- set id = 'trim(' ~ expression ~ ')' -%}
    case
        when length({{ id }}) = 15
            then {{ id }}
            {%- for first in (1, 6, 11) %}
                || substr(
                    'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
                    1
                    {%- for place in range(5) %}
                    + case
                        when ascii(substr({{ id }}, {{ first + place }}, 1)) between 65 and 90
                            then {{ 2 ** place }}
                        else 0
                    end
                    {%- endfor %},
                    1
                )
            {%- endfor %}
        else nullif({{ id }}, '')
    end
{%- endmacro %}

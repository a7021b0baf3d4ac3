{#-
    The declared types whose values are texts, and so are never unreadable: landing writes
    a phone as E.164 and an email trimmed and lower-case, where it can read them.
-#}
{% macro text_types() -%}
{%- do return(['text', 'phone', 'email', 'salesforce_id']) -%}
{%- endmacro %}

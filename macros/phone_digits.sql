{#-
    Digits of a written telephone number, full-width ones too, with a leading + where
    there is one, without an extension. Apart from phone_key, so that this costly step
    is taken once per number.
-#}
{% macro phone_digits(expression) -%}
    {{ regexp_remove(
        regexp_remove(
            "translate(lower(" ~ expression ~ "), '０１２３４５６７８９＋', '0123456789+')",
            '[(（]?(内線|ext).*$'
        ),
        '[^0-9+]'
    ) }}
{%- endmacro %}

{#-
    A Japanese or international phone number in E.164, for matching only. `03-1234-5678`,
    `+81 (0)3-1234-5678`, `0312345678` and `312345678` (a spreadsheet ate the zero) are one
    number; an extension is dropped. Source: ITU-T E.164, Japan's trunk prefix 0 and country code 81.
-#}
{% macro phone_key(expression) -%}
    {%- set plain -%}
    {{ regexp_remove(
        regexp_remove(
            "translate(lower(" ~ expression ~ "), '０１２３４５６７８９＋', '0123456789+')",
            '[(（]?(内線|ext).*$'
        ),
        '[^0-9+]'
    ) }}
    {%- endset -%}
    case
        when {{ plain }} in ('', '+') then null
        when {{ plain }} like '+810%' then '+81' || substr({{ plain }}, 5)
        when {{ plain }} like '+%' then {{ plain }}
        when {{ plain }} like '0%' then '+81' || substr({{ plain }}, 2)
        when {{ plain }} like '81%' and length({{ plain }}) >= 11 then '+' || {{ plain }}
        else '+81' || {{ plain }}
    end
{%- endmacro %}

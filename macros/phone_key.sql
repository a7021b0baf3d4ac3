{#-
    E.164 of a number that phone_digits has read, NULL if it has no digits. For matching
    only, never for display: `03-1234-5678`, `+81 (0)3-1234-5678`, `0312345678` and
    `312345678` (a spreadsheet ate the zero) are one number. Source: ITU-T E.164,
    Japan's trunk prefix 0 and country code 81.
-#}
{% macro phone_key(digits) -%}
    case
        when {{ digits }} in ('', '+') then null
        when {{ digits }} like '+810%' then '+81' || substr({{ digits }}, 5)
        when {{ digits }} like '+%' then {{ digits }}
        when {{ digits }} like '0%' then '+81' || substr({{ digits }}, 2)
        when {{ digits }} like '81%' and length({{ digits }}) >= 11
            then '+' || {{ digits }}
        else '+81' || {{ digits }}
    end
{%- endmacro %}

{#-
    Lower or upper limit of a rate, results ÷ cases, at the confidence of var `wilson_z`,
    by column interval_kind:

    -   share: the results are some of the cases. Wilson's.
    -   ratio, proportion: two counts of which none is part of the other, or a share that
        is above 1. rate × exp(± z × sqrt(1/results + 1/cases)), both Poisson
        (K. J. Rothman, S. Greenland and T. L. Lash, Modern Epidemiology, 2008).
    -   amount: yen per case. rate × exp(± z ÷ sqrt(cases)), amounts as spread out as
        their mean.
    -   none: NULL.

    bound   low or high

    Reads the columns interval_kind, rate, results and cases.
-#}
{% macro rate_bound(bound) -%}
{%- set z = ('-' if bound == 'low' else '') ~ var('wilson_z') -%}
{%- set cases = 'cast(cases as ' ~ type_double() ~ ')' -%}
{%- set results = 'cast(results as ' ~ type_double() ~ ')' -%}
case
    when interval_kind = 'share'
        then {{ wilson_bound('rate', 'cases', bound) | indent(8) }}
    when interval_kind = 'amount'
        then rate * exp({{ z }} * sqrt(1 / {{ cases }}))
    when interval_kind <> 'none'
        then rate * exp({{ z }} * sqrt(1 / {{ cases }} + 1 / {{ results }}))
end
{%- endmacro %}

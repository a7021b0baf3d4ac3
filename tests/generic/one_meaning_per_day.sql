{#-
    A code of a mapping means one thing on each day: its rows follow each other without
    gap or overlap, the first without a beginning and the last without an end.
-#}
{% test one_meaning_per_day(model, code) %}
with

meanings as (

    select
        {{ code }} as code,
        valid_from,
        valid_to,
        lag(valid_to) over (
            partition by {{ code }} order by valid_from nulls first
        ) as valid_to_before,
        row_number() over (
            partition by {{ code }} order by valid_from nulls first
        ) as meaning_number,
        count(*) over (partition by {{ code }}) as meaning_count
    from {{ model }}

)

select * from meanings
where
    valid_to < valid_from
    or (meaning_number = 1 and valid_from is not null)
    or (meaning_number = meaning_count and valid_to is not null)
    or (
        meaning_number > 1
        and valid_from
        is distinct from cast({{ dbt.dateadd('day', 1, 'valid_to_before') }} as date)
    )
{% endtest %}

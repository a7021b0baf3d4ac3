{#- A code of a mapping means one thing on each day. -#}
{% test one_meaning_at_a_time(model, code) %}
with

meanings as (

    select
        {{ code }} as code,
        coalesce(valid_from, cast('{{ var("calendar_start") }}' as date)) as first_day,
        coalesce(valid_to, cast('{{ var("calendar_end") }}' as date)) as last_day
    from {{ model }}

),

sequenced as (

    select
        *,
        lag(last_day) over (partition by code order by first_day, last_day)
            as last_day_before
    from meanings

)

select * from sequenced
where first_day <= last_day_before or last_day < first_day
{% endtest %}

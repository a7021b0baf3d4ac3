{#-
    A staging model: every landed row of one object, once, with typed columns and its
    fate. What the columns are, their types, the key and the mandatory ones stand in the
    system's `_<system>__sources.yml`; nothing is repeated here.

    Adds to the object's columns
      source_system, source_object, source_file, source_row   where the row came from
      row_status           accepted, duplicate (a newer version of its key exists) or
                           rejected
      is_accepted          the rows that later models read
      reject_rule, reject_column               why a row was rejected
      unreadable_columns   optional columns whose text could not be read and became NULL

    Newest version: the source's own stamp (meta `newest_by`), then file name, then row.
-#}
{% macro stage_landed(system, object) -%}
{%- set landed = source(system, object) -%}
{%- if execute -%}
{%- set node = (
    graph.sources.values()
    | selectattr('source_name', 'equalto', system)
    | selectattr('name', 'equalto', object)
    | first
) -%}
{%- set columns = node.columns.values() | list -%}
{%- set key = node.config.meta.key -%}
{%- set newest_by = node.config.meta.newest_by -%}
{%- set typed = {} -%}
{%- for column in columns -%}
    {%- set value = staged_column(column.name, column.data_type) -%}
    {%- set is_date = column.data_type in ('timestamp', 'date', 'month') -%}
    {%- if is_date and not is_mandatory(column) -%}
        {%- set value = within_calendar(value) -%}
    {%- endif -%}
    {%- do typed.update({column.name: value}) -%}
{%- endfor -%}
with

{# the source is named three times on purpose: narrow scans, no wide CTE #}
repeated_keys as (

    select
        {%- for name in key %}
        {{ typed[name] }} as key_{{ loop.index }},
        {%- endfor %}
        count(*) as versions
    from {{ landed }}
    group by
        {%- for name in key %}
        key_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    having count(*) > 1

),

ranked as (

    select
        landed._file_name,
        landed._row_number,
        -- a row that is rejected never supersedes one that can be read
        row_number() over (
            partition by
                {%- for name in key %}
                repeated_keys.key_{{ loop.index }}{{ ',' if not loop.last }}
                {%- endfor %}
            order by
                case
                    when {{ reject_case(columns, typed, 'rule') }} is null then 0
                    else 1
                end,
                {%- if newest_by %}
                {{ typed[newest_by] }} desc nulls last,
                {%- endif %}
                landed._file_name desc,
                landed._row_number desc
        ) as version_rank
    from {{ landed }} as landed
    inner join repeated_keys
        on {% for name in key -%}
        {{ typed[name] }} is not distinct from repeated_keys.key_{{ loop.index }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}

),

superseded as (

    select * from ranked where version_rank > 1

),

typed as (

    select
        {%- for column in columns %}
        {{ typed[column.name] }} as {{ column.name }},
        {%- endfor %}
        _file_name as source_file,
        _row_number as source_row,
        {{ reject_case(columns, typed, 'rule') }} as reject_rule,
        {{ reject_case(columns, typed, 'column') }} as reject_column,
        {{ unreadable_columns(columns, typed) }} as unreadable_columns
    from {{ landed }}

),

final as (

    select
        {%- for column in columns %}
        typed.{{ column.name }},
        {%- endfor %}
        '{{ system }}' as source_system,
        '{{ object }}' as source_object,
        typed.source_file,
        cast(typed.source_row as bigint) as source_row,
        case
            when typed.reject_rule is not null then 'rejected'
            when superseded.version_rank is not null then 'duplicate'
            else 'accepted'
        end as row_status,
        typed.reject_rule,
        typed.reject_column,
        typed.unreadable_columns,
        typed.reject_rule is null and superseded.version_rank is null as is_accepted
    from typed
    -- one-to-one: at most one superseded version per landed row
    left join superseded
        on typed.source_row = superseded._row_number
        and typed.source_file = superseded._file_name

)

select * from final
{%- endif -%}
{%- endmacro %}

{#-
    A date or timestamp if the calendar has its day, else NULL: a year 1900 or 2099 is
    no reading.
-#}
{% macro within_calendar(value) -%}
    case
        when {{ value }} >= cast('{{ var("calendar_start") }}' as timestamp)
            and {{ value }} < {{ dbt.dateadd(
                'day', 1, "cast('" ~ var('calendar_end') ~ "' as timestamp)"
            ) }}
            then {{ value }}
    end
{%- endmacro %}

{#- The first reason to reject a row: its rule, or the column it is about. -#}
{% macro reject_case(columns, typed, wanted) -%}
        case
        {%- for column in columns if is_mandatory(column) %}
            when nullif(trim({{ column.name }}), '') is null
                then '{{ column.name if wanted == 'column' else 'missing_required_value' }}'
            {%- if column.data_type not in text_types() %}
            when {{ typed[column.name] }} is null
                then '{{ column.name if wanted == 'column' else 'unreadable_required_value' }}'
            {%- endif %}
            {%- if column.data_type in ('timestamp', 'date', 'month') %}
            when {{ within_calendar(typed[column.name]) }} is null
                then '{{ column.name if wanted == 'column' else 'outside_calendar' }}'
            {%- endif %}
        {%- endfor %}
        end
{%- endmacro %}

{#- The names of optional columns that hold a text which cannot be read, or NULL. -#}
{% macro unreadable_columns(columns, typed) -%}
    {%- set optional = [] -%}
    {%- for column in columns -%}
        {%- if column.data_type not in text_types() and not is_mandatory(column) -%}
            {%- do optional.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not optional -%}
        cast(null as {{ dbt.type_string() }})
    {%- else -%}
        nullif(
            trim(concat(
                {%- for name in optional %}
                case
                    when
                        nullif(trim({{ name }}), '') is not null
                        and {{ typed[name] }} is null
                        then '{{ name }} '
                    else ''
                end{{ ',' if not loop.last }}
                {%- endfor %}
            )), ''
        )
    {%- endif -%}
{%- endmacro %}

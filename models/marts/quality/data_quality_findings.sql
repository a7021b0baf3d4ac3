{#-
    Grain: one row per finding: a file or raw row that was not used, a code that no mapping
    knows, or a record that contradicts another one. No personal data: ids, column names
    and codes only.
-#}
with

landing as (

    select * from {{ ref('int_findings_landing') }}

),

staging as (

    select * from {{ ref('int_findings_staging') }}

),

codes as (

    select * from {{ ref('int_findings_codes') }}

),

facts as (

    select * from {{ ref('int_findings_facts') }}

),

targets as (

    select * from {{ ref('int_findings_targets') }}

),

rules as (

    select * from {{ ref('data_quality_rules') }}

),

unioned as (

    select
        source_system,
        object,
        cast(null as {{ dbt.type_string() }}) as source_id,
        source_file,
        source_row,
        rule,
        detail
    from landing

    union all

    select
        source_system,
        object,
        source_id,
        source_file,
        source_row,
        rule,
        detail
    from staging

    union all

    select
        source_system,
        source_object as object,
        cast(null as {{ dbt.type_string() }}) as source_id,
        example_file as source_file,
        example_row as source_row,
        rule,
        code || ': ' || cast(row_count as {{ dbt.type_string() }}) || ' rows' as detail
    from codes

    union all

    select
        source_system,
        object,
        source_id,
        cast(null as {{ dbt.type_string() }}) as source_file,
        cast(null as bigint) as source_row,
        rule,
        detail
    from facts

    union all

    select
        'planning' as source_system,
        'targets' as object,
        cast(null as {{ dbt.type_string() }}) as source_id,
        source_file,
        source_row,
        rule,
        detail
    from targets

),

final as (

    select
        -- ids
        cast('{{ invocation_id }}' as {{ dbt.type_string() }}) as run_id,
        -- a damaged row may hold anything in the place of its id, a person's name too
        case
            when
                {{ regexp_remove('unioned.source_id', '[A-Za-z0-9._:#+=/-]') }} = ''
                then unioned.source_id
            else 'md5:' || {{ dbt.hash('unioned.source_id') }}
        end as source_id,

        -- texts
        unioned.source_system,
        unioned.object,
        unioned.source_file as file,
        unioned.rule,
        coalesce(rules.severity, 'error') as severity,
        unioned.detail,

        -- numerics
        unioned.source_row as row
    from unioned
    left join rules on unioned.rule = rules.rule

)

select * from final

{#-
    Grain: one row per KPI and definition version.
    Which versions the departments have agreed on, and from when to when each is in
    force. A version that lacks a sign-off is published nowhere, whatever its status.
-#}
with

definitions as (

    select * from {{ ref('kpi_definitions') }}

),

departments as (

    select * from {{ ref('kpi_departments') }}

),

signoffs as (

    select distinct
        kpi_id,
        version,
        department_id
    from {{ ref('kpi_signoffs') }}

),

signatures as (

    select
        definitions.kpi_id,
        definitions.version,
        {{ list_agg('signoffs.department_id') }} as signed_by,
        {{ list_agg(
            'case when signoffs.department_id is null '
            ~ 'then departments.department_id end'
        ) }} as missing_signoffs
    from definitions
    -- one-to-many: the departments that have to sign
    inner join departments
        on {{ dbt.position(
            "'|' || departments.department_id || '|'",
            "'|' || definitions.required_signoffs || '|'"
        ) }} > 0
    -- one-to-one
    left join signoffs
        on definitions.kpi_id = signoffs.kpi_id
        and definitions.version = signoffs.version
        and departments.department_id = signoffs.department_id
    group by definitions.kpi_id, definitions.version

),

final as (

    select
        definitions.*,
        departments.role_ja as owner_role_ja,
        departments.role_en as owner_role_en,
        signatures.signed_by,
        signatures.missing_signoffs,
        definitions.status in ('agreed', 'retired')
        and signatures.kpi_id is not null
        and signatures.missing_signoffs is null as is_published,
        coalesce(
            definitions.effective_to, cast('{{ var("calendar_end") }}' as date)
        ) as last_day
    from definitions
    -- one-to-one
    left join signatures
        on definitions.kpi_id = signatures.kpi_id
        and definitions.version = signatures.version
    -- many-to-one
    left join departments on definitions.owner_department = departments.department_id

)

select * from final

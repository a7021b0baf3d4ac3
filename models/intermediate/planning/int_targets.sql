{#-
    Grain: one row per accepted row of planning/targets.
    The targets under the ids of department, KPI and channel (`all` is the total). What is
    set again is the next version; in force is the last one that was agreed on by the
    as-of date. A row that cannot be a target says why in rejection_reason, a rule of
    data_quality_rules.
-#}
with

targets as (

    select * from {{ ref('stg_planning__targets') }}
    where is_accepted

),

sources as (

    select * from {{ ref('lead_sources') }}

),

department_codes as (

    select * from {{ ref('departments') }}

),

departments as (

    select * from {{ ref('kpi_departments') }}

),

kpi_versions as (

    select * from {{ ref('int_kpi_versions') }}
    where is_published

),

stated as (

    select
        {{ code_key('targets.kpi_id') }} as kpi_id,
        -- a target of nobody is one of the department that owns the KPI
        case
            when {{ code_key('targets.department') }} is null
                then kpi_versions.owner_department
            else coalesce(departments.department_id, known.department_id)
        end as department_id,
        case
            when coalesce({{ code_key('targets.channel') }}, 'all') = 'all' then 'all'
            else coalesce(sources.channel_id, 'unmapped')
        end as channel_id,
        -- two codes of a channel are one target, two codes of none are two
        coalesce(sources.channel_id, {{ code_key('targets.channel') }}, 'all')
            as channel_key,
        targets.target_value,
        targets.agreed_by,
        targets.agreed_on,
        targets.month,
        targets.source_file,
        targets.source_row,
        kpi_versions.kpi_id is not null as is_agreed_kpi,
        kpi_versions.unit,
        kpi_versions.is_targetable,
        kpi_versions.has_channel
    from targets
    -- many-to-one
    left join sources
        on {{ code_key('targets.channel') }} = sources.source_code
        and {{ is_valid_on('sources', 'targets.month') }}
    -- many-to-one; a code of a department, or its id
    left join department_codes
        on {{ code_key('targets.department') }} = department_codes.department_code
    -- many-to-one
    left join departments
        on department_codes.department_id = departments.department_id
    -- many-to-one
    left join departments as known
        on {{ code_key('targets.department') }} = known.department_id
    -- many-to-one
    left join kpi_versions
        on {{ code_key('targets.kpi_id') }} = kpi_versions.kpi_id
        and {{ definition_day('targets.month') }}
        between kpi_versions.effective_from and kpi_versions.last_day

),

checked as (

    select
        *,
        case
            when not is_agreed_kpi then 'target_of_kpi_not_agreed'
            when department_id is null then 'target_of_unknown_department'
            when not is_targetable then 'target_of_kpi_not_targetable'
            when channel_id <> 'all' and not has_channel
                then 'target_of_kpi_without_channels'
            when target_value is null then 'target_without_value'
            when target_value < 0 or (unit = 'rate' and target_value > 1)
                then 'target_in_wrong_unit'
        end as rejection_reason
    from stated

),

numbered as (

    select
        *,
        row_number() over (
            partition by month, department_id, kpi_id, channel_key, rejection_reason
            order by
                agreed_on asc nulls first,
                target_value asc,
                source_file desc,
                source_row asc
        ) as version,
        lead(agreed_on) over (
            partition by month, department_id, kpi_id, channel_key, rejection_reason
            order by
                agreed_on asc nulls first,
                target_value asc,
                source_file desc,
                source_row asc
        ) as superseded_on,
        -- the last one of those that were agreed on by the as-of date
        row_number() over (
            partition by
                month, department_id, kpi_id, channel_key, rejection_reason,
                coalesce(agreed_on > {{ as_of_date() }}, false)
            order by
                agreed_on desc nulls last,
                target_value desc,
                source_file asc,
                source_row desc
        ) = 1
        and coalesce(agreed_on <= {{ as_of_date() }}, true)
        and rejection_reason is null as is_in_force
    from checked

),

final as (

    select
        -- ids
        department_id,
        kpi_id,
        channel_id,

        -- texts
        channel_key,
        unit,
        agreed_by,
        rejection_reason,
        source_file,

        -- numerics
        version,
        cast(target_value as decimal(18, 6)) as target_value,
        source_row,

        -- booleans
        is_in_force,

        -- dates
        month,
        agreed_on,
        superseded_on
    from numbered

)

select * from final

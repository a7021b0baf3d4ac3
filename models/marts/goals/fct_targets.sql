{#-
    Grain: one row per department, KPI, channel, month and version of its target; channel
    `all` is the total.
    Valid targets only, those that were replaced and those that are agreed on later as
    well; what cannot be a target is a finding. Who agreed is named by role and never by
    name.
-#}
with

targets as (

    select * from {{ ref('int_targets') }}
    where rejection_reason is null

),

departments as (

    select * from {{ ref('kpi_departments') }}

),

approvers as (

    select * from {{ ref('target_approvers') }}

),

roles as (

    {% for relation in ['departments', 'approvers'] %}
    {% for role in ['role_ja', 'role_en'] %}
    select
        {{ code_key(role) }} as role_key,
        role_ja,
        role_en
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

role_names as (

    select
        role_key,
        min(role_ja) as role_ja,
        min(role_en) as role_en
    from roles
    group by role_key

),

final as (

    select
        -- ids
        targets.department_id,
        targets.kpi_id,
        targets.channel_id,

        -- texts
        targets.unit,
        role_names.role_en as agreed_by_role,
        role_names.role_ja as agreed_by_role_ja,

        -- numerics
        -- codes that no mapping knows are targets of one channel here
        cast(
            row_number() over (
                partition by
                    targets.month,
                    targets.department_id,
                    targets.kpi_id,
                    targets.channel_id
                order by targets.version asc, targets.channel_key asc
            ) as integer
        ) as version,
        targets.target_value,

        -- booleans
        targets.is_in_force,

        -- dates
        targets.month,
        targets.agreed_on,
        targets.superseded_on
    from targets
    -- many-to-one; left, as what is no role may be somebody's name
    left join role_names on {{ code_key('targets.agreed_by') }} = role_names.role_key

)

select * from final

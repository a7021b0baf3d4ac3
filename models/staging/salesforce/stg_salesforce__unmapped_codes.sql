{#-
    Grain: one row per object, rule and code of a Type that activity_types does not know
    (R8), with how many rows have it: a task that is therefore no activity, or an event
    that is therefore taken for an appointment.
-#}
with

codes as (

    select
        source_object,
        coalesce('task.type=' || type_code, 'task.task_subtype=' || task_subtype_code)
            as code
    from {{ ref('base_salesforce__task_fates') }}
    where fate = 'unmapped_activity_type'

    union all

    select
        source_object,
        'event.type=' || type_code as code
    from {{ ref('base_salesforce__event_fates') }}
    where fate is null and is_type_unmapped

),

final as (

    select
        'salesforce' as source_system,
        source_object,
        'unmapped_activity_type' as rule,
        code,
        count(*) as row_count
    from codes
    group by source_object, code

)

select * from final

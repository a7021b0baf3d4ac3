{#-
    Grain: one row per object, rule and code of a Type that activity_types does not know
    (R8), with how many rows have it: a task that is therefore no activity, or an event
    that is therefore taken for an appointment; and the first row that has it.
-#}
with

codes as (

    select
        source_object,
        source_file,
        source_row,
        coalesce('task.type=' || type_code, 'task.task_subtype=' || task_subtype_code)
            as code
    from {{ ref('base_salesforce__task_fates') }}
    where fate = 'unmapped_activity_type'

    union all

    select
        source_object,
        source_file,
        source_row,
        'event.type=' || type_code as code
    from {{ ref('base_salesforce__event_fates') }}
    where fate is null and is_type_unmapped

),

numbered as (

    select
        *,
        count(*) over (partition by source_object, code) as row_count,
        row_number() over (
            partition by source_object, code order by source_file, source_row
        ) as row_position
    from codes

),

final as (

    select
        'salesforce' as source_system,
        source_object,
        source_file,
        source_row,
        'unmapped_activity_type' as rule,
        code,
        row_count
    from numbered
    where row_position = 1

)

select * from final

{#-
    Grain: one row per object, rule and code of a Type that activity_types does not know
    (R8), with how many rows have it and the first of them: a task that is therefore no
    activity, or an event that is therefore taken for an appointment.
    The code is cut to 60 characters, as in int_findings_codes.
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
        source_object,
        source_file,
        source_row,
        substr(code, 1, 60) as code,
        row_number() over (
            partition by source_object, substr(code, 1, 60)
            order by source_file, source_row
        ) as row_number_of_code
    from codes

),

final as (

    select
        'salesforce' as source_system,
        source_object,
        max(case when row_number_of_code = 1 then source_file end) as source_file,
        'unmapped_activity_type' as rule,
        code,
        max(case when row_number_of_code = 1 then source_row end) as source_row,
        count(*) as row_count
    from numbered
    group by source_object, code

)

select * from final

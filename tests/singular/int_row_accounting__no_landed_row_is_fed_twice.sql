-- The accepted rows of all common objects together; sums alone could hide a row that is
-- there twice behind one that is lost.
with

fed as (

    {% for object in [
        'leads', 'lead_status_history', 'opportunities', 'opportunity_stage_history',
        'calls', 'emails', 'email_events', 'touches', 'appointments', 'permissions',
        'users', 'accounts',
    ] %}
    select
        source_file,
        source_row
    from {{ ref('int_unioned_' ~ object) }}
    where source_file is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    source_file,
    source_row,
    count(*) as occurrences
from fed
group by source_file, source_row
having count(*) > 1

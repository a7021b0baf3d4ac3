-- The stages that the model reads and those of the registry, both ways.
with

read_stages as (

    {% for stage_id, milestone in funnel_milestones().items() %}
    select
        '{{ stage_id }}' as stage_id,
        '{{ milestone }}' as milestone
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

registered as (

    select * from {{ ref('funnel_stages') }}

)

select
    read_stages.stage_id as read_stage_id,
    registered.stage_id as registered_stage_id,
    read_stages.milestone as read_milestone,
    registered.milestone as registered_milestone
from read_stages
full outer join registered on read_stages.stage_id = registered.stage_id
where
    read_stages.milestone is null
    or registered.milestone is null
    or read_stages.milestone <> registered.milestone

{#-
    stage_id -> column of int_lead_milestones with the lead's first time there, as in
    seed funnel_stages; a singular test holds the two against each other.
-#}
{% macro funnel_milestones() -%}
    {{ return({
        'acquired': 'acquired_date',
        'touched': 'first_touched_at',
        'connected': 'first_connected_at',
        'target_connected': 'first_target_connected_at',
        'appointment_set': 'appointment_set_at',
        'appointment_held': 'appointment_held_at',
        'meeting': 'meeting_at',
        'qualified': 'qualified_at',
        'handed_over': 'handed_over_date',
        'won': 'won_date',
    }) }}
{%- endmacro %}

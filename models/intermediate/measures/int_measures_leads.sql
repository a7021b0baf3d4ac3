{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    What is counted in leads: acquired, permission won, handed over and won. The cohort
    of a hand-over is the hand-over's, not the lead's.
-#}
with

leads as (

    select * from {{ ref('int_lead_milestones') }}

),

permissions as (

    select * from {{ ref('int_lead_permissions') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

{% for event, date_column in {
    'acquired': 'acquired_date', 'handed_over': 'handed_over_date', 'won': 'won_date'
}.items() %}
{{ event }} as (

    select
        leads.channel_id,
        leads.rep_id,
        reps.team,
        leads.{{ date_column }} as event_date,
        {{ 'leads.acquired_date' if event == 'acquired' else 'leads.handed_over_date' }}
            as cohort_date
    from leads
    left join reps
        on leads.rep_id = reps.rep_id
        and leads.{{ date_column }} between reps.valid_from and reps.valid_to
    where
        leads.{{ date_column }} is not null
        {{ 'and leads.handed_over_date is not null' if event == 'won' }}

),
{% endfor %}
final as (

    select * from (
        {{ daily_measures(
            relation='acquired',
            event_date='event_date',
            cohort_date='cohort_date',
            measures={'leads_acquired': '1'},
        ) }}
    ) as acquired_measures

    union all

    select * from (
        {{ daily_measures(
            relation='handed_over',
            event_date='event_date',
            cohort_date='cohort_date',
            measures={'leads_handed_over': '1'},
        ) }}
    ) as handed_over_measures

    union all

    select * from (
        {{ daily_measures(
            relation='won',
            event_date='event_date',
            cohort_date='cohort_date',
            measures={'handed_over_leads_won': '1'},
        ) }}
    ) as won_measures

    union all

    select * from (
        {{ daily_measures(
            relation='permissions',
            event_date='connected_date',
            cohort_date='acquired_date',
            measures={
                'leads_connected_without_permission': '1',
                'leads_permission_granted': one_if('is_permission_granted'),
            },
        ) }}
    ) as permission_measures

)

select * from final

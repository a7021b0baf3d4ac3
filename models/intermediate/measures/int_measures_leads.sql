{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    What is counted in leads: acquired, permission won, handed over, and accepted,
    rejected or won from there. The cohort of a hand-over is the hand-over's, not the
    lead's, and so is its team: on the cohort basis a part is credited as its whole is.
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

acquired as (

    select
        leads.*,
        reps.team
    from leads
    left join reps
        on leads.rep_id = reps.rep_id
        and leads.acquired_date between reps.valid_from and reps.valid_to

),

handed_over as (

    select
        leads.*,
        reps.team as hand_over_team
    from leads
    left join reps
        on leads.rep_id = reps.rep_id
        and leads.handed_over_date between reps.valid_from and reps.valid_to
    where leads.handed_over_date is not null

),

{% for outcome in ['accepted', 'rejected', 'won'] %}
{{ outcome }} as (

    select
        handed_over.channel_id,
        handed_over.rep_id,
        handed_over.hand_over_team,
        handed_over.handed_over_date,
        handed_over.{{ outcome }}_date as event_date,
        reps.team
    from handed_over
    left join reps
        on handed_over.rep_id = reps.rep_id
        and handed_over.{{ outcome }}_date between reps.valid_from and reps.valid_to
    where handed_over.{{ outcome }}_date is not null

),
{% endfor %}
final as (

    select * from (
        {{ daily_measures(
            relation='acquired',
            event_date='acquired_date',
            cohort_date='acquired_date',
            measures={'leads_acquired': '1'},
        ) }}
    ) as acquired_measures

    union all

    select * from (
        {{ daily_measures(
            relation='handed_over',
            event_date='handed_over_date',
            cohort_date='handed_over_date',
            team='hand_over_team',
            measures={'leads_handed_over': '1'},
        ) }}
    ) as handed_over_measures

    union all

    {% for outcome, measure_id in {
        'accepted': 'leads_accepted',
        'rejected': 'leads_rejected',
        'won': 'handed_over_leads_won',
    }.items() %}
    select * from (
        {{ daily_measures(
            relation=outcome,
            event_date='event_date',
            cohort_date='handed_over_date',
            cohort_team='hand_over_team',
            measures={measure_id: '1'},
        ) }}
    ) as {{ outcome }}_measures

    union all

    {% endfor %}

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

{#-
    Grain: one row per kpi_id, basis, period_grain, period_start, team and rep_id.
    What each rep has done in a team: the KPI as it is, and as it would be with the team's
    mix of channels (direct standardisation; B. Naing, Malaysian Journal of Medical
    Sciences 7 (2000), 5–10):

        sum over channels of (cases of the team) × (rate of the rep)
        ÷ sum over channels of (cases of the team)

    over the channels in which the rep has cases. `standard_value` is the rate of the team
    over the same channels with the same weights, so that the two differ by what the rep
    does and not by what the rep was given. The interval is Wilson's at the effective
    number of cases, (sum of weights)² ÷ sum of (weight² ÷ cases) (L. Kish, Survey
    Sampling, Wiley 1965).
-#}
{%- set grains = "'" ~ var('people_grains') | join("', '") ~ "'" -%}
{%- set keys = ['kpi_id', 'basis', 'period_grain', 'period_start', 'team'] -%}
{%- set key_list = keys | join(',\n        ') -%}
with

parts as (

    select * from {{ ref('int_rep_kpi_parts') }} where period_grain in ({{ grains }})

),

kpis as (

    select * from {{ ref('kpi_by_period') }} where period_grain in ({{ grains }})

),

-- a median of a rep's cases is in kpi_by_rep_period; it has no parts to be weighted
definitions as (

    select
        *,
        sample_measure_id = denominator_measure_id as is_share_of_cases
    from {{ ref('dim_kpis') }}
    where has_rep and has_team and statistic is null

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

starts as (

    select * from {{ ref('int_rep_starts') }}

),

validity as (

    select * from {{ ref('int_rep_validity') }}

),

periods as (

    select distinct
        period_grain,
        period_start,
        case
            when period_end > {{ as_of_date() }} then {{ as_of_date() }}
            else period_end
        end as last_day
    from kpis

),

-- who was in a team from the first day to the last, with or without a result
members as (

    select
        validity.rep_id,
        validity.team,
        periods.period_grain,
        periods.period_start
    from validity
    -- one-to-one; who has never worked is nobody's colleague
    inner join starts on validity.rep_id = starts.rep_id
    -- many-to-many
    inner join periods
        on periods.period_start >= validity.valid_from
        and periods.last_day <= validity.valid_to
        and (
            periods.period_start >= starts.start_date or not starts.is_start_known
        )

),

-- the rep's channels beside what the whole team has in them
team_channels as (

    select
        {{ key_list }},
        channel_id,
        sum(cast(numerator as {{ type_double() }})) as team_numerator,
        sum(cast(denominator as {{ type_double() }})) as weight
    from parts
    where denominator > 0
    group by
        {{ key_list }},
        channel_id

),

teams as (

    select
        {{ key_list }},
        sum(weight) as weight_of_team
    from team_channels
    group by {{ keys | join(', ') }}

),

standardised as (

    select
        {%- for key in keys %}
        parts.{{ key }},
        {%- endfor %}
        parts.rep_id,
        sum(
            team_channels.weight
            * cast(parts.numerator as {{ type_double() }})
            / cast(parts.denominator as {{ type_double() }})
        ) / sum(team_channels.weight) as standardised_value,
        sum(team_channels.team_numerator) / sum(team_channels.weight)
            as standard_value,
        sum(team_channels.weight) / max(teams.weight_of_team) as covered_share,
        sum(team_channels.weight) * sum(team_channels.weight)
        / sum(
            team_channels.weight
            * team_channels.weight
            / cast(parts.denominator as {{ type_double() }})
        ) as effective_cases
    from parts
    -- many-to-one
    inner join team_channels
        on parts.channel_id = team_channels.channel_id
        {%- for key in keys %}
        and parts.{{ key }} = team_channels.{{ key }}
        {%- endfor %}
    -- many-to-one
    inner join teams
        on {% for key in keys -%}
        parts.{{ key }} = teams.{{ key }}
        {%- if not loop.last %}
        and {% endif %}{% endfor %}
    where parts.denominator > 0
    group by
        {%- for key in keys %}
        parts.{{ key }},
        {%- endfor %}
        parts.rep_id

),

by_rep as (

    select
        {{ key_list }},
        rep_id,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(sample) as sample
    from parts
    group by
        {{ key_list }},
        rep_id

),

of_teams as (

    select distinct {{ keys | join(', ') }} from by_rep

),

-- members have a row of each count that somebody of the team has
cells as (

    select
        {{ key_list }},
        rep_id
    from by_rep

    union

    select
        {%- for key in keys %}
        of_teams.{{ key }},
        {%- endfor %}
        members.rep_id
    from of_teams
    -- many-to-many: colleagues
    inner join members
        on of_teams.team = members.team
        and of_teams.period_grain = members.period_grain
        and of_teams.period_start = members.period_start

),

described as (

    select
        {%- for key in keys %}
        cells.{{ key }},
        {%- endfor %}
        cells.rep_id,
        kpis.period_end,
        kpis.definition_version,
        kpis.is_mature,
        kpis.is_complete,
        kpis.is_mixed_version,
        definitions.is_additive,
        definitions.has_channel,
        coalesce(
            definitions.is_share_of_cases
            and case cells.basis
                when 'event' then definitions.is_subset_event
                else definitions.is_subset_cohort
            end,
            false
        ) as is_proportion,
        coalesce(by_rep.numerator, 0) as numerator,
        case
            when not definitions.is_additive then by_rep.denominator
        end as denominator,
        case
            when definitions.is_additive
                then cast(coalesce(by_rep.numerator, 0) as {{ type_double() }})
            else
                cast(by_rep.numerator as {{ type_double() }})
                / nullif(cast(by_rep.denominator as {{ type_double() }}), 0)
        end as value,
        by_rep.sample,
        members.rep_id is not null as is_whole_period,
        periods.last_day
    from cells
    -- many-to-one
    inner join kpis
        on cells.kpi_id = kpis.kpi_id
        and cells.basis = kpis.basis
        and cells.period_grain = kpis.period_grain
        and cells.period_start = kpis.period_start
    -- many-to-one
    inner join definitions
        on kpis.kpi_id = definitions.kpi_id
        and kpis.definition_version = definitions.version
    -- many-to-one
    inner join periods
        on cells.period_grain = periods.period_grain
        and cells.period_start = periods.period_start
    -- one-to-one; left, as a member may have added nothing
    left join by_rep
        on cells.rep_id = by_rep.rep_id
        {%- for key in keys %}
        and cells.{{ key }} = by_rep.{{ key }}
        {%- endfor %}
    -- many-to-one; left, as who comes or goes is no member all the time
    left join members
        on cells.rep_id = members.rep_id
        and cells.team = members.team
        and cells.period_grain = members.period_grain
        and cells.period_start = members.period_start
    -- a rate needs cases, or results of somebody else's
    where definitions.is_additive or by_rep.rep_id is not null

),

judged as (

    select
        described.*,
        starts.start_date,
        starts.is_start_known,
        standardised.standardised_value,
        standardised.standard_value,
        standardised.effective_cases,
        case
            when not described.is_additive and described.has_channel
                then standardised.covered_share
        end as covered_share,
        case
            when described.is_additive or not described.has_channel
                then 'not_applicable'
            when standardised.covered_share is null then 'no_cases'
            when standardised.covered_share < {{ var('standard_coverage_minimum') }}
                then 'mix_not_covered'
        end as standardised_value_reason,
        not described.is_additive
        and described.sample < agreements.small_sample_below as is_small_sample
    from described
    -- many-to-one
    inner join agreements on described.last_day = agreements.date_day
    -- one-to-one; left, as counts are not weighted
    left join standardised
        on described.rep_id = standardised.rep_id
        {%- for key in keys %}
        and described.{{ key }} = standardised.{{ key }}
        {%- endfor %}
    -- many-to-one; left, as credit may come without work
    left join starts on described.rep_id = starts.rep_id

),

final as (

    select
        -- ids
        kpi_id,
        rep_id,

        -- texts
        basis,
        period_grain,
        team,
        case when value is null then 'no_cases' end as value_reason,
        standardised_value_reason,
        case
            when not coalesce(is_start_known, false) then 'start_not_known'
            when start_date > last_day then 'not_yet_started'
        end as months_since_start_reason,

        -- numerics
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator,
        value,
        {%- for bound in ['low', 'high'] %}
        case
            when is_proportion
                then {{ wilson_bound('value', 'denominator', bound) }}
        end as ci_{{ bound }},
        {%- endfor %}
        {%- set is_given = 'standardised_value_reason is null' %}
        {%- set cases = 'effective_cases' %}
        case when {{ is_given }} then standardised_value end as standardised_value,
        {%- for bound in ['low', 'high'] %}
        case
            when {{ is_given }} and is_proportion
                then {{ wilson_bound('standardised_value', cases, bound) }}
        end as standardised_ci_{{ bound }},
        {%- endfor %}
        case when {{ is_given }} then standard_value end as standard_value,
        covered_share,
        case
            when is_start_known and start_date <= last_day
                then cast(
                    {{ dbt.datediff('start_date', 'last_day', 'month') }}
                    as integer
                )
        end as months_since_start,
        definition_version,

        -- booleans
        is_proportion,
        is_small_sample,
        is_whole_period,
        case
            when is_additive then is_whole_period
            else not is_small_sample and value is not null
        end as is_compared,
        is_mature,
        is_complete,
        is_mixed_version,

        -- dates
        period_start,
        period_end
    from judged

)

select * from final

{#-
    Grain: one row per rule of target_rules that targets in force break, month, channel,
    department and KPI, other department and other KPI; channel `all` is the total.
    A total that nobody states is the sum of its channels, except where two departments have
    to name the same number. Codes that no mapping knows are held against nobody's, as they
    may be different channels.
-#}
{#- what the goal states, named as the KPIs are -#}
{%- set goal_kpis = ['won_amount', 'average_deal'] -%}
with

rules as (

    select * from {{ ref('target_rules') }}

),

targets as (

    select * from {{ ref('int_targets') }}
    where is_in_force

),

goals as (

    select * from {{ ref('int_goals') }}

),

requirements as (

    select * from {{ ref('kgi_kpi_tree') }}
    -- the goal itself is of kind goal; nobody can plan a month anew that is over
    where
        parent is not null
        and cast({{ dbt.last_day('month', 'month') }} as date) > {{ as_of_date() }}

),

kpi_versions as (

    select * from {{ ref('int_kpi_versions') }}
    where is_published

),

departments as (

    select * from {{ ref('kpi_departments') }}

),

channels as (

    select * from {{ ref('channels') }}

),

stated as (

    select
        targets.department_id,
        targets.kpi_id,
        targets.channel_id,
        targets.month,
        targets.target_value as stated_value,
        kpi_versions.numerator_measure_id,
        kpi_versions.denominator_measure_id,
        kpi_versions.polarity,
        kpi_versions.denominator_measure_id is null
        and kpi_versions.distribution_id is null as is_additive
    from targets
    -- many-to-one
    inner join kpi_versions
        on targets.kpi_id = kpi_versions.kpi_id
        and {{ definition_day('targets.month') }}
        between kpi_versions.effective_from and kpi_versions.last_day

),

totals as (

    select
        department_id,
        kpi_id,
        month,
        max(case when channel_id = 'all' then stated_value end) as total,
        sum(case when channel_id <> 'all' and is_additive then stated_value end)
            as sum_of_channels
    from stated
    group by department_id, kpi_id, month

),

parties as (

    select
        department_id as party,
        kpi_id,
        channel_id,
        month,
        stated_value,
        true as is_stated
    from stated
    where channel_id <> 'unmapped'

    union all

    select
        department_id as party,
        kpi_id,
        'all' as channel_id,
        month,
        sum_of_channels as stated_value,
        false as is_stated
    from totals
    where total is null and sum_of_channels is not null
    {% for kpi_id in goal_kpis %}
    union all

    select
        'goal' as party,
        '{{ kpi_id }}' as kpi_id,
        'all' as channel_id,
        month,
        {{ kpi_id }} as stated_value,
        true as is_stated
    from goals
    where {{ kpi_id }} is not null
    {% endfor %}
),

sides as (

    select
        rules.rule_id,
        parties.channel_id,
        parties.month,
        parties.stated_value,
        null as other_value
    from rules
    -- one-to-many: the months and channels
    inner join parties
        on rules.department_id = parties.party
        and rules.kpi_id = parties.kpi_id
        and (rules.is_by_channel or parties.channel_id = 'all')
        and (rules.relation <> 'equal' or parties.is_stated)
    where rules.kind in ('departments', 'goal')

    union all

    select
        rules.rule_id,
        parties.channel_id,
        parties.month,
        null as stated_value,
        parties.stated_value as other_value
    from rules
    -- one-to-many: the months and channels
    inner join parties
        on coalesce(rules.other_department_id, 'goal') = parties.party
        and rules.other_kpi_id = parties.kpi_id
        and (rules.is_by_channel or parties.channel_id = 'all')
        and (rules.relation <> 'equal' or parties.is_stated)
    where rules.kind in ('departments', 'goal')

),

paired as (

    select
        rule_id,
        channel_id,
        month,
        sum(stated_value) as stated_value,
        sum(other_value) as other_value
    from sides
    group by rule_id, channel_id, month

),

-- who promises by channel promises nothing of a channel that is left out
promises as (

    select
        paired.rule_id,
        paired.channel_id,
        paired.month,
        paired.stated_value,
        paired.other_value,
        paired.channel_id <> 'all'
        and max(
            case
                when paired.channel_id = 'all' then 0
                when rules.relation = 'at_most' and paired.other_value is not null
                    then 1
                when rules.relation = 'at_least' and paired.stated_value is not null
                    then 1
                else 0
            end
        ) over (partition by paired.rule_id, paired.month) = 1 as is_by_channel
    from paired
    -- many-to-one
    inner join rules on paired.rule_id = rules.rule_id

),

compared as (

    select
        rules.rule_id,
        rules.department_id,
        rules.kpi_id,
        rules.other_department_id,
        rules.other_kpi_id,
        promises.channel_id,
        promises.month,
        coalesce(
            promises.stated_value, case when promises.is_by_channel then 0 end
        ) as stated_value,
        coalesce(
            promises.other_value, case when promises.is_by_channel then 0 end
        ) as other_value
    from promises
    -- many-to-one
    inner join rules on promises.rule_id = rules.rule_id

    union all

    select
        rules.rule_id,
        totals.department_id,
        totals.kpi_id,
        totals.department_id as other_department_id,
        totals.kpi_id as other_kpi_id,
        'all' as channel_id,
        totals.month,
        totals.sum_of_channels as stated_value,
        totals.total as other_value
    from rules
    -- many-to-many: every target, or those that the rule is about
    inner join totals
        on coalesce(rules.department_id, totals.department_id) = totals.department_id
        and coalesce(rules.kpi_id, totals.kpi_id) = totals.kpi_id
    where rules.kind = 'channels'

    union all

    select
        rules.rule_id,
        counts.department_id,
        counts.kpi_id,
        counts.department_id as other_department_id,
        rates.kpi_id as other_kpi_id,
        counts.channel_id,
        counts.month,
        counts.stated_value,
        -- a count cannot hold part of a case
        floor(
            cast(rates.stated_value as decimal(18, 6))
            * cast(cases.stated_value as decimal(18, 6))
        ) as other_value
    from rules
    -- many-to-many: every target, or those that the rule is about
    inner join stated as counts
        on coalesce(rules.department_id, counts.department_id) = counts.department_id
        and coalesce(rules.kpi_id, counts.kpi_id) = counts.kpi_id
        and (rules.is_by_channel or counts.channel_id = 'all')
        and counts.is_additive
        and counts.channel_id <> 'unmapped'
    -- one-to-many: the rates that it is the numerator of
    inner join stated as rates
        on counts.numerator_measure_id = rates.numerator_measure_id
        and rates.denominator_measure_id is not null
        -- of a rate that should be low the count may be lower too
        and rates.polarity = 'higher'
        and counts.department_id = rates.department_id
        and counts.channel_id = rates.channel_id
        and counts.month = rates.month
    -- one-to-one
    inner join stated as cases
        on rates.denominator_measure_id = cases.numerator_measure_id
        and cases.is_additive
        and counts.department_id = cases.department_id
        and counts.channel_id = cases.channel_id
        and counts.month = cases.month
    where rules.kind = 'rate'

    union all

    select
        rules.rule_id,
        parties.party as department_id,
        parties.kpi_id,
        cast(null as {{ dbt.type_string() }}) as other_department_id,
        parties.kpi_id as other_kpi_id,
        requirements.channel_id,
        requirements.month,
        parties.stated_value,
        cast(requirements.required as decimal(18, 6)) as other_value
    from rules
    -- one-to-many: all nodes of the tree, or that of the rule
    inner join requirements
        on coalesce(rules.kpi_id, requirements.kpi_id) = requirements.kpi_id
        and (rules.is_by_channel or requirements.channel_id = 'all')
    -- many-to-one: whose KPI it is
    inner join kpi_versions
        on requirements.kpi_id = kpi_versions.kpi_id
        and {{ definition_day('requirements.month') }}
        between kpi_versions.effective_from and kpi_versions.last_day
    -- one-to-one: what the owner plans
    inner join parties
        on kpi_versions.owner_department = parties.party
        and requirements.kpi_id = parties.kpi_id
        and requirements.channel_id = parties.channel_id
        and requirements.month = parties.month
    where rules.kind = 'requirement'

),

broken as (

    select
        compared.*,
        rules.name_ja as rule_name_ja,
        rules.name_en as rule_name_en,
        rules.detail_ja,
        rules.detail_en,
        compared.stated_value - compared.other_value as difference
    from compared
    -- many-to-one
    inner join rules on compared.rule_id = rules.rule_id
    where
        case rules.relation
            when 'at_most' then compared.stated_value > compared.other_value
            when 'at_least' then compared.stated_value < compared.other_value
            else compared.stated_value <> compared.other_value
        end

),

worded as (

    select
        broken.*,
        {%- for language, all_channels, of_month in [
            ('ja', '全チャネル', "'年'"), ('en', 'all channels', "'-'")
        ] %}
        coalesce(channels.name_{{ language }}, '{{ all_channels }}')
            as channel_{{ language }},
        departments.name_{{ language }} as department_{{ language }},
        coalesce(other_departments.name_{{ language }}, '')
            as other_department_{{ language }},
        kpi_versions.name_{{ language }} as kpi_{{ language }},
        other_kpis.name_{{ language }} as other_kpi_{{ language }},
        substr(cast(broken.month as {{ dbt.type_string() }}), 1, 4) || {{ of_month }}
        || substr(cast(broken.month as {{ dbt.type_string() }}), 6, 2)
        {{- " || '月'" if language == 'ja' }} as month_{{ language }},
        {%- endfor %}
        {{ shown_number('broken.stated_value', 'kpi_versions.unit') }} as shown_value,
        {{ shown_number('broken.other_value', 'kpi_versions.unit') }}
            as shown_other_value,
        {{ shown_number('abs(broken.difference)', 'kpi_versions.unit') }}
            as shown_difference
    from broken
    -- many-to-one; left, as the total is no channel
    left join channels on broken.channel_id = channels.channel_id
    -- many-to-one
    inner join departments on broken.department_id = departments.department_id
    -- many-to-one; left, as the goal is no department's
    left join departments as other_departments
        on broken.other_department_id = other_departments.department_id
    -- many-to-one
    inner join kpi_versions
        on broken.kpi_id = kpi_versions.kpi_id
        and {{ definition_day('broken.month') }}
        between kpi_versions.effective_from and kpi_versions.last_day
    -- many-to-one
    inner join kpi_versions as other_kpis
        on broken.other_kpi_id = other_kpis.kpi_id
        and {{ definition_day('broken.month') }}
        between other_kpis.effective_from and other_kpis.last_day

),

final as (

    select
        -- ids
        rule_id,
        channel_id,
        department_id,
        kpi_id,
        other_department_id,
        other_kpi_id,

        -- texts
        rule_name_ja,
        rule_name_en,
        {%- for language in ['ja', 'en'] %}
        {%- set text = namespace(sql='detail_' ~ language) %}
        {%- for name, column in {
            'month': 'month_' ~ language,
            'channel': 'channel_' ~ language,
            'department': 'department_' ~ language,
            'kpi': 'kpi_' ~ language,
            'other_department': 'other_department_' ~ language,
            'other_kpi': 'other_kpi_' ~ language,
            'value': 'shown_value',
            'other_value': 'shown_other_value',
            'difference': 'shown_difference',
        }.items() %}
        {%- set text.sql = "replace(%s, '{%s}', %s)" | format(text.sql, name, column) %}
        {%- endfor %}
        {{ text.sql }} as detail_{{ language }},
        {%- endfor %}

        -- numerics
        cast(stated_value as decimal(18, 6)) as value,
        cast(other_value as decimal(18, 6)) as other_value,
        cast(difference as decimal(18, 6)) as difference,

        -- dates
        month
    from worded

)

select * from final

{#-
    Grain: one row per month, channel_id and node of the tree (seed kgi_tree); channel
    `all` is the total.
    From the goal (KGI) of a month back to the numbers of a day: a node requires what its
    parent requires ÷ the rate between the two, the parent's KPI over the node's in the
    trailing months. Whole numbers are exact (R3), rounded up at each stage or at the end
    (var `tree_rounding`). A requirement is held against the months before, against the
    hours there are, and against what is planned as supply.

    Limits of a requirement: those of its rates (rate_bound), carried through the product
    by MOVER in logarithms (G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008),
    1693–1702).
-#}
with

tree as (

    select * from {{ ref('kgi_tree') }}

),

months as (

    select * from {{ ref('int_goals') }} where won_amount >= 0

),

totals as (

    select * from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain = 'month' and is_complete

),

channel_totals as (

    select * from {{ ref('kpi_by_channel_period') }}
    where basis = 'event' and period_grain = 'month' and is_complete

),

agreements as (

    select * from {{ ref('int_agreements') }} where date_day = {{ as_of_date() }}

),

staffing as (

    select * from {{ ref('int_staffing') }}

),

supplies as (

    select * from {{ ref('int_planned_supply') }}

),

reasons as (

    select * from {{ ref('tree_reasons') }}

),

monthly as (

    {% for relation, channel_id in [
        ('totals', "'all'"), ('channel_totals', 'channel_id')
    ] %}
    select
        {{ channel_id }} as channel_id,
        kpi_id,
        numerator as quantity,
        denominator,
        period_start as kpi_month
    from {{ relation }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

window_sums as (

    select
        months.month,
        monthly.channel_id,
        monthly.kpi_id,
        cast(sum(monthly.quantity) as decimal(18, 2)) as quantity,
        cast(sum(monthly.denominator) as decimal(18, 2)) as denominator
    from months
    -- one-to-many: the months of the window
    inner join monthly
        on monthly.kpi_month between months.window_start and months.window_end
    group by months.month, monthly.channel_id, monthly.kpi_id

),

-- the goal is shared by what the channels have won; who won nothing has no part
won as (

    select
        window_sums.month,
        window_sums.channel_id,
        cast(
            sum(window_sums.quantity) over (
                partition by window_sums.month
                order by window_sums.quantity desc, window_sums.channel_id asc
                rows between unbounded preceding and current row
            ) as decimal(18, 2)
        ) as won_so_far,
        cast(
            sum(window_sums.quantity) over (partition by window_sums.month)
            as decimal(18, 2)
        ) as won_by_all,
        row_number() over (
            partition by window_sums.month
            order by window_sums.quantity desc, window_sums.channel_id asc
        ) as channel_number
    from window_sums
    -- many-to-one
    inner join tree on window_sums.kpi_id = tree.kpi_id
    where
        tree.parent is null
        and window_sums.channel_id <> 'all'
        and window_sums.quantity > 0

),

-- rounded as running totals, so that the parts add up to the goal
shared as (

    select
        won.month,
        won.channel_id,
        won.channel_number,
        cast(
            least(
                {{ whole_quotient(
                    'cast(months.won_amount as decimal(20, 2)) * won.won_so_far',
                    'won.won_by_all'
                ) | indent(16) }},
                months.won_amount
            ) as decimal(18, 2)
        ) as goal_so_far
    from won
    -- many-to-one
    inner join months on won.month = months.month

),

-- a channel has rates of its own if no stage rests on a small sample
own_rates as (

    select
        shared.month,
        shared.channel_id,
        min(
            case
                when window_sums.quantity >= agreements.small_sample_below then 1
                else 0
            end
        ) = 1 as has_own_rates
    from shared
    -- many-to-one
    inner join months on shared.month = months.month
    cross join agreements
    -- one-to-many; an average deal that is stated needs no cases
    inner join tree
        on
        tree.parent is not null
        and (tree.rate_kind <> 'amount' or months.average_deal is null)
    -- one-to-one; left, as there may be none
    left join window_sums
        on shared.month = window_sums.month
        and shared.channel_id = window_sums.channel_id
        and tree.kpi_id = window_sums.kpi_id
    group by shared.month, shared.channel_id

),

chains as (

    select
        month,
        'all' as channel_id,
        'all' as rates_channel_id,
        won_amount as goal
    from months

    union all

    select
        shared.month,
        shared.channel_id,
        case
            when own_rates.has_own_rates then shared.channel_id
            else 'all'
        end as rates_channel_id,
        shared.goal_so_far - coalesce(
            lag(shared.goal_so_far) over (
                partition by shared.month order by shared.channel_number
            ), 0
        ) as goal
    from shared
    -- one-to-one
    inner join own_rates
        on shared.month = own_rates.month
        and shared.channel_id = own_rates.channel_id

),

stages as (

    select
        chains.month,
        chains.channel_id,
        chains.rates_channel_id,
        chains.goal,
        tree.node,
        tree.parent,
        tree.kpi_id,
        parents.kpi_id as parent_kpi_id,
        tree.rate_kind,
        tree.rate_kind = 'amount' and months.average_deal is not null
            as is_rate_stated,
        months.average_deal,
        cast(coalesce(node_sums.quantity, 0) as decimal(18, 0)) as volume,
        coalesce(parent_sums.quantity, 0) as parent_quantity
    from chains
    -- many-to-one
    inner join months on chains.month = months.month
    -- one-to-many
    inner join tree on tree.parent is not null
    -- many-to-one
    inner join tree as parents on tree.parent = parents.node
    -- many-to-one; left, as there may be none
    left join window_sums as node_sums
        on chains.month = node_sums.month
        and chains.rates_channel_id = node_sums.channel_id
        and tree.kpi_id = node_sums.kpi_id
    -- many-to-one; left, as there may be none
    left join window_sums as parent_sums
        on chains.month = parent_sums.month
        and chains.rates_channel_id = parent_sums.channel_id
        and parents.kpi_id = parent_sums.kpi_id

),

-- a rate is results ÷ cases
counted as (

    select
        *,
        cast(
            case when is_rate_stated then average_deal else parent_quantity end
            as decimal(18, 2)
        ) as results,
        cast(
            case when is_rate_stated then 1 else volume end as decimal(18, 0)
        ) as cases
    from stages

),

rated as (

    select
        *,
        cast(results as {{ type_double() }})
        / nullif(cast(cases as {{ type_double() }}), 0) as rate,
        case
            when cases = 0 then 'no_cases'
            when results <= 0 then 'zero_rate'
        end as stage_reason,
        case
            when is_rate_stated or cases = 0 then 'none'
            when rate_kind = 'proportion' and results between 0 and cases then 'share'
            when results <= 0 then 'none'
            else rate_kind
        end as interval_kind
    from counted

),

bounded as (

    select
        *,
        {{ rate_bound('low') | indent(8) }} as rate_low,
        {{ rate_bound('high') | indent(8) }} as rate_high
    from rated

),

spread as (

    select
        {%- for bound in ['low', 'high'] %}
        case
            when stage_reason is null and interval_kind <> 'none'
                then ln(rate / rate_{{ bound }}) * ln(rate / rate_{{ bound }})
            else 0
        end as {{ bound }}_square,
        {%- endfor %}
        *
    from bounded

),

{{ carry_requirements(is_rounded_at_each_stage=var('tree_rounding') == 'each') }},

limited as (

    select
        month,
        channel_id,
        node,
        required,
        case when broken_node is null then required_exact end as required_exact,
        -- low where all rates are high
        case
            when required is null or rate_high_squares = 0 then required
            else least(
                required,
                cast(
                    ceil(required_exact * exp(-sqrt(rate_high_squares)))
                    as decimal(18, 2)
                )
            )
        end as required_low,
        case
            when required is null or rate_low_squares = 0 then required
            else greatest(
                required,
                cast(
                    ceil(required_exact * exp(sqrt(rate_low_squares)))
                    as decimal(18, 2)
                )
            )
        end as required_high,
        broken_node
    from carried

),

requirements as (

    select * from limited

    union all

    select
        limited.month,
        limited.channel_id,
        days.node,
        {%- for column in [
            'required', 'required_exact', 'required_low', 'required_high'
        ] %}
        case
            when count(*) = count(limited.required) then sum(limited.{{ column }})
        end as {{ column }},
        {%- endfor %}
        min(limited.broken_node) as broken_node
    from limited
    -- many-to-one
    inner join tree on limited.node = tree.node
    -- many-to-one: the sum
    inner join tree as days on days.kpi_id is null
    where tree.is_daily_work
    group by limited.month, limited.channel_id, days.node

),

history as (

    select
        requirements.month,
        requirements.channel_id,
        requirements.node,
        count(*) as history_months,
        max(monthly.quantity) as history_max,
        sum(case when monthly.quantity <= requirements.required then 1 else 0 end)
            as months_within
    from requirements
    -- many-to-one
    inner join tree on requirements.node = tree.node
    -- many-to-one
    inner join months on requirements.month = months.month
    -- one-to-many: the months before
    inner join monthly
        on requirements.channel_id = monthly.channel_id
        and tree.kpi_id = monthly.kpi_id
        and monthly.kpi_month >= months.history_start
        and monthly.kpi_month < months.month
    group by requirements.month, requirements.channel_id, requirements.node

),

rate_history as (

    select
        stages.month,
        stages.channel_id,
        stages.node,
        max(
            cast(parent_months.quantity as {{ type_double() }})
            / nullif(cast(node_months.quantity as {{ type_double() }}), 0)
        ) as rate_history_max
    from stages
    -- many-to-one
    inner join months on stages.month = months.month
    -- one-to-many: the months before
    inner join monthly as node_months
        on stages.rates_channel_id = node_months.channel_id
        and stages.kpi_id = node_months.kpi_id
        and node_months.kpi_month >= months.history_start
        and node_months.kpi_month < months.month
    -- one-to-one
    inner join monthly as parent_months
        on node_months.channel_id = parent_months.channel_id
        and stages.parent_kpi_id = parent_months.kpi_id
        and node_months.kpi_month = parent_months.kpi_month
    group by stages.month, stages.channel_id, stages.node

),

-- leave is in: hours that were not worked are spread over all days of the reps
productivity as (

    select
        months.month,
        cast(sum(staffing.rep_days) as decimal(9, 0)) as rep_days,
        cast(sum(staffing.working_hours) as decimal(9, 2)) as hours
    from months
    -- one-to-many: the months of the window
    inner join staffing
        on staffing.month between months.window_start and months.window_end
    group by months.month

),

capacities as (

    select
        months.month,
        tree.node,
        staffing.rep_days,
        productivity.hours / nullif(productivity.rep_days, 0) as hours_per_day,
        hourly.quantity / nullif(hourly.denominator, 0) as per_hour,
        cast(
            {{ whole_quotient(
                'cast(staffing.rep_days as decimal(20, 0)) * productivity.hours'
                ~ ' * cast(hourly.quantity as decimal(9, 0))',
                'productivity.rep_days * cast(hourly.denominator as decimal(9, 2))',
                'down'
            ) | indent(12) }}
            as decimal(18, 2)
        ) as capacity
    from months
    -- one-to-many
    inner join tree on tree.per_hour_kpi_id is not null
    -- many-to-one
    inner join staffing on months.month = staffing.month
    -- many-to-one
    inner join productivity on months.month = productivity.month
    -- one-to-one
    inner join window_sums as hourly
        on months.month = hourly.month
        and hourly.channel_id = 'all'
        and tree.per_hour_kpi_id = hourly.kpi_id

),

held_against as (

    select
        requirements.*,
        tree.parent,
        tree.kpi_id,
        tree.rate_kpi_id,
        tree.name_ja,
        tree.name_en,
        tree.sort_order,
        spread.rate,
        spread.rate_low,
        spread.rate_high,
        case when not spread.is_rate_stated then spread.cases end as cases,
        chains.rates_channel_id <> chains.channel_id as is_rate_of_total,
        not spread.is_rate_stated
        and spread.cases < agreements.small_sample_below as is_small_sample,
        rate_history.rate_history_max,
        history.history_months,
        history.history_max,
        case
            when requirements.required is not null
                then
                    cast(history.months_within as {{ type_double() }})
                    / history.history_months
        end as history_percentile,
        coalesce(staffing.reps, 0) as reps,
        coalesce(staffing.business_days, 0) as business_days,
        cast(coalesce(staffing.rep_days, 0) as decimal(9, 0)) as rep_days,
        capacities.capacity,
        capacities.hours_per_day,
        capacities.per_hour,
        supplies.supply,
        -- what other channels' rates require of a channel is no news of its history
        history.history_months >= {{ var('tree_history_minimum') }}
        and (tree.parent is null or chains.rates_channel_id = chains.channel_id)
            as is_held_against_history
    from requirements
    cross join agreements
    -- many-to-one
    inner join tree on requirements.node = tree.node
    -- many-to-one
    inner join chains
        on requirements.month = chains.month
        and requirements.channel_id = chains.channel_id
    -- one-to-one; left, as the root and the sum have no rate
    left join spread
        on requirements.month = spread.month
        and requirements.channel_id = spread.channel_id
        and requirements.node = spread.node
    -- one-to-one
    left join rate_history
        on requirements.month = rate_history.month
        and requirements.channel_id = rate_history.channel_id
        and requirements.node = rate_history.node
    -- one-to-one
    left join history
        on requirements.month = history.month
        and requirements.channel_id = history.channel_id
        and requirements.node = history.node
    -- many-to-one
    left join staffing on requirements.month = staffing.month
    -- one-to-one; hours have no channel
    left join capacities
        on requirements.month = capacities.month
        and requirements.node = capacities.node
        and requirements.channel_id = 'all'
    -- one-to-one
    left join supplies
        on requirements.month = supplies.month
        and requirements.channel_id = supplies.channel_id
        and requirements.node = supplies.node

),

judged as (

    select
        held_against.*,
        broken.node as broken_stage,
        case
            when broken.stage_reason is not null then broken.stage_reason
            when held_against.required > held_against.supply then 'above_supply'
            when held_against.required > held_against.capacity then 'above_capacity'
            when
                held_against.is_held_against_history
                and held_against.required_low > held_against.history_max
                then 'above_history'
        end as reason
    from held_against
    -- many-to-one: the stage that has no rate
    left join spread as broken
        on held_against.month = broken.month
        and held_against.channel_id = broken.channel_id
        and held_against.broken_node = broken.node

),

worded as (

    select
        judged.*,
        {{ tree_sentence('ja') | indent(8) }} as reason_ja,
        {{ tree_sentence('en') | indent(8) }} as reason_en
    from judged
    -- many-to-one; left, as most have no reason
    left join reasons on judged.reason = reasons.reason_id
    -- many-to-one
    left join tree as stages_named on judged.broken_stage = stages_named.node

),

final as (

    select
        -- ids
        channel_id,
        node,
        parent,
        kpi_id,
        rate_kpi_id,

        -- texts
        name_ja,
        name_en,
        reason,
        reason_ja,
        reason_en,

        -- numerics
        cast(required as decimal(18, 2)) as required,
        cast(required_low as decimal(18, 2)) as required_low,
        cast(required_high as decimal(18, 2)) as required_high,
        required_exact,
        rate as rate_used,
        rate_low,
        rate_high,
        rate_history_max,
        cast(cases as bigint) as cases,
        {%- for period, days in [('day', 1), ('week', var('tree_days_per_week'))] %}
        {%- set work = 'cast(required as decimal(20, 2)) * ' ~ days %}
        cast({{ work }} as {{ type_double() }})
        / nullif(cast(rep_days as {{ type_double() }}), 0) as per_rep_{{ period }},
        cast({{ whole_quotient(work, 'rep_days') | indent(8) }} as bigint)
            as per_rep_{{ period }}_rounded,
        {%- endfor %}
        cast(reps as integer) as reps,
        cast(business_days as integer) as business_days,
        cast(rep_days as integer) as rep_days,
        history_percentile,
        cast(history_max as decimal(18, 2)) as history_max,
        cast(coalesce(history_months, 0) as integer) as history_months,
        cast(capacity as decimal(18, 2)) as capacity,
        supply,
        sort_order,

        -- booleans
        case
            when required is null then null
            when reason is not null then false
            when supply is not null or capacity is not null or is_held_against_history
                then true
        end as is_feasible,
        is_rate_of_total,
        coalesce(is_small_sample, false) as is_small_sample,

        -- dates
        month
    from worded

)

select * from final

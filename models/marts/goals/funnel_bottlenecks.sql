{#-
    Grain: one row per month, channel_id and step of the chain from leads to the won
    amount; channel `all` is the total.
    ボトルネック: what the shortfall of each step costs in deals and yen. Of a rate it is
    the volume that came in × what is missing of the rate × the actual rates after it; of
    the volume at the top, what is missing of it × all actual rates. The bottleneck is the
    step that costs most deals, which is hardly ever the one with the lowest rate.
-#}
{%- set window = var('bottleneck_window_months') -%}
with

steps as (

    select * from {{ ref('bottleneck_steps') }}

),

totals as (

    select * from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain = 'month'

),

channels as (

    select * from {{ ref('kpi_by_channel_period') }}
    where basis = 'event' and period_grain = 'month'

),

targets as (

    select * from {{ ref('int_targets') }} where is_in_force

),

departments as (

    select * from {{ ref('kpi_departments') }}

),

kpi_versions as (

    select * from {{ ref('int_kpi_versions') }} where is_published

),

calendar_days as (

    select * from {{ ref('int_calendar_days') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

volumes as (

    {% for relation, channel_id in [('totals', "'all'"), ('channels', 'channel_id')] %}
    select
        {{ channel_id }} as channel_id,
        kpi_id,
        numerator as volume,
        period_start as month,
        period_end as month_end
    from {{ relation }}
    where
        period_start <= {{ as_of_date() }}
        and kpi_id in (select steps.step from steps)
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

cells as (

    select distinct
        channel_id,
        month,
        month_end
    from volumes

),

month_shares as (

    select
        month_start as month,
        case
            when max(date_day) <= {{ as_of_date() }} then 1
            else coalesce(
                cast(
                    sum({{ one_if(
                        'is_business_day and date_day <= ' ~ as_of_date()
                    ) }}) as {{ type_double() }}
                ) / nullif(sum({{ one_if('is_business_day') }}), 0),
                0
            )
        end as elapsed_share
    from calendar_days
    group by month_start

),

numbered_targets as (

    select
        targets.*,
        -- the owner's target counts, else that of the first department that has one
        dense_rank() over (
            partition by targets.month, targets.kpi_id, targets.channel_id
            order by
                case
                    when targets.department_id = kpi_versions.owner_department then 0
                    else 1
                end,
                departments.sort_order
        ) as department_number
    from targets
    -- many-to-one
    inner join departments on targets.department_id = departments.department_id
    -- many-to-one
    inner join kpi_versions
        on targets.kpi_id = kpi_versions.kpi_id
        and {{ definition_day('targets.month') }}
        between kpi_versions.effective_from and kpi_versions.last_day

),

kpi_targets as (

    select
        month,
        kpi_id,
        channel_id,
        -- two codes of no channel are two counts of `unmapped`, but no two rates of it
        case
            when max(unit) = 'rate' then max(target_value)
            else sum(target_value)
        end as target
    from numbered_targets
    where department_number = 1
    group by month, kpi_id, channel_id

),

-- for the top only: two KPIs may have targets in different channels, whose sums make no
-- rate
summed_targets as (

    select
        month,
        kpi_id,
        sum(target) as target
    from kpi_targets
    where channel_id <> 'all'
    group by month, kpi_id

),

staged as (

    select
        cells.channel_id,
        steps.step,
        steps.role,
        steps.name_ja,
        steps.name_en,
        steps.sort_order,
        coalesce(volumes.volume, 0) as volume_out,
        own_targets.target as target_out,
        summed_targets.target as target_summed,
        rate_targets.target as target_rate,
        cells.month,
        cells.month_end
    from cells
    cross join steps
    -- all one-to-one
    left join volumes
        on cells.channel_id = volumes.channel_id
        and cells.month = volumes.month
        and steps.step = volumes.kpi_id
    left join kpi_targets as own_targets
        on cells.channel_id = own_targets.channel_id
        and cells.month = own_targets.month
        and steps.step = own_targets.kpi_id
    left join kpi_targets as rate_targets
        on cells.channel_id = rate_targets.channel_id
        and cells.month = rate_targets.month
        and steps.rate_kpi_id = rate_targets.kpi_id
    left join summed_targets
        on cells.month = summed_targets.month
        and steps.step = summed_targets.kpi_id
        and cells.channel_id = 'all'

),

chained as (

    select
        *,
        lag(volume_out) over (
            partition by channel_id, month order by sort_order
        ) as volume_in,
        lag(target_out) over (
            partition by channel_id, month order by sort_order
        ) as target_in,
        coalesce(
            lead(role) over (
                partition by channel_id, month order by sort_order
            ) = 'amount',
            false
        ) as is_deals
    from staged

),

with_history as (

    select
        *,
        sum(volume_in) over (
            partition by channel_id, step
            order by month rows between {{ window }} preceding and 1 preceding
        ) as trailing_in,
        sum(volume_out) over (
            partition by channel_id, step
            order by month rows between {{ window }} preceding and 1 preceding
        ) as trailing_out,
        -- a rate after this step has no cases if one of these is zero
        min(case when role <> 'amount' and not is_deals then volume_out end) over (
            partition by channel_id, month
            order by sort_order rows between current row and unbounded following
        ) as smallest_volume_after,
        max(case when is_deals then volume_out end) over (
            partition by channel_id, month
        ) as deals,
        max(case when role = 'amount' then volume_out end) over (
            partition by channel_id, month
        ) as amount
    from chained

),

rated as (

    select
        *,
        case
            when role = 'volume' then cast(volume_out as {{ type_double() }})
            when volume_in > 0
                then cast(volume_out as {{ type_double() }}) / volume_in
        end as actual_value,
        case
            when role = 'volume'
                then cast(coalesce(target_out, target_summed) as {{ type_double() }})
            when target_in > 0 and target_out is not null
                then cast(target_out as {{ type_double() }}) / target_in
            when target_rate is not null
                then cast(target_rate as {{ type_double() }})
            when trailing_in > 0
                then cast(trailing_out as {{ type_double() }}) / trailing_in
        end as target_value,
        case
            when role = 'volume' then 'target'
            when target_in > 0 and target_out is not null then 'target_counts'
            when target_rate is not null then 'target_rate'
            when trailing_in > 0 then 'history'
        end as target_source,
        -- deals that come of one case that has got through the step; the step to yen is
        -- counted in deals of the actual size
        case
            when role = 'amount' and amount > 0
                then cast(deals as {{ type_double() }}) / amount
            when is_deals then 1
            when smallest_volume_after > 0
                then cast(deals as {{ type_double() }}) / volume_out
        end as deals_per_case,
        max(
            case
                when role = 'amount' and amount > 0 and deals > 0
                    then cast(amount as {{ type_double() }}) / deals
                when role = 'amount' and trailing_out > 0 and trailing_in > 0
                    then cast(trailing_out as {{ type_double() }}) / trailing_in
            end
        ) over (partition by channel_id, month) as average_deal
    from with_history

),

compared as (

    select
        rated.*,
        case
            when rated.role = 'volume'
                then rated.target_value * month_shares.elapsed_share
            else rated.target_value
        end as expected_value
    from rated
    -- many-to-one
    inner join month_shares on rated.month = month_shares.month

),

short as (

    select
        *,
        case
            when actual_value < expected_value then expected_value - actual_value
            when actual_value >= expected_value then 0
        end as shortfall
    from compared

),

costed as (

    select
        *,
        case
            when shortfall = 0 then 0
            when role = 'volume' then shortfall * deals_per_case
            else volume_in * shortfall * deals_per_case
        end as deals_lost
    from short

),

ranked as (

    select
        *,
        deals_lost * average_deal as amount_lost,
        row_number() over (
            partition by channel_id, month
            order by coalesce(deals_lost, 0) desc, sort_order
        ) as loss_number
    from costed

),

final as (

    select
        -- ids
        ranked.channel_id,
        ranked.step,

        -- texts
        ranked.name_ja,
        ranked.name_en,
        case when ranked.target_value is not null then ranked.target_source end
            as target_source,
        case
            when ranked.actual_value is null then 'no_cases'
            when ranked.target_value is null and ranked.role = 'volume' then 'no_target'
            when ranked.target_value is null then 'no_cases_before'
            when ranked.deals_lost is null and ranked.role = 'amount'
                then 'nothing_won'
            when ranked.deals_lost is null then 'stage_without_cases'
            when ranked.deals_lost > 0 and ranked.average_deal is null
                then 'no_deals_won'
        end as reason,

        -- numerics
        cast(ranked.volume_in as decimal(18, 2)) as volume_in,
        cast(ranked.volume_out as decimal(18, 2)) as volume_out,
        ranked.actual_value,
        ranked.target_value,
        ranked.expected_value,
        ranked.shortfall,
        ranked.deals_lost,
        cast(
            round(case when ranked.deals_lost = 0 then 0 else ranked.amount_lost end, 2)
            as decimal(18, 2)
        ) as amount_lost_jpy,
        ranked.sort_order,

        -- booleans
        ranked.loss_number = 1 and coalesce(ranked.deals_lost, 0) > 0 as is_bottleneck,
        ranked.role <> 'volume' and ranked.volume_in < agreements.small_sample_below
            as is_small_sample,
        ranked.month_end <= {{ as_of_date() }} as is_complete,

        -- dates
        ranked.month
    from ranked
    -- many-to-one
    left join agreements
        on case
            when ranked.month_end > {{ as_of_date() }} then {{ as_of_date() }}
            else ranked.month_end
        end = agreements.date_day

)

select * from final

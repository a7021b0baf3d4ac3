{#-
    Grain: one row per kpi_id, basis, comparison, period_grain, period_start and
    channel_id.
    What each channel has added to the change of a KPI since the earlier period. Of a
    rate: mix (its share of the cases changed) and performance (its rate changed), by
    the symmetric decomposition of E. M. Kitagawa, JASA 50 (1955), 1168–1194. Of a count
    or amount: the difference.
-#}
with

channels as (

    {{ beside_earlier(ref('kpi_by_channel_period'), 'channel_id') }}

),

totals as (

    {{ beside_earlier(ref('kpi_by_period')) }}

),

quantities as (

    select
        channels.*,
        channels.denominator is not null as is_ratio,
        cast(channels.numerator as {{ type_double() }}) as results,
        cast(channels.denominator as {{ type_double() }}) as cases,
        cast(channels.previous_numerator as {{ type_double() }}) as previous_results,
        cast(channels.previous_denominator as {{ type_double() }}) as previous_cases,
        -- a share of nothing is NULL (R1), and so is all that rests on it
        nullif(cast(totals.denominator as {{ type_double() }}), 0) as total_cases,
        nullif(cast(totals.previous_denominator as {{ type_double() }}), 0)
            as previous_total_cases,
        totals.value as total_value,
        totals.previous_value as previous_total_value,
        case
            when totals.value is null then 'no_cases'
            when totals.previous_value is null then 'no_cases_before'
        end as total_reason,
        totals.is_definition_changed as is_total_changed
    from channels
    -- many-to-one
    inner join totals
        on channels.kpi_id = totals.kpi_id
        and channels.basis = totals.basis
        and channels.comparison = totals.comparison
        and channels.period_grain = totals.period_grain
        and channels.period_start = totals.period_start

),

shares as (

    select
        *,
        cases / total_cases as share,
        previous_cases / previous_total_cases as previous_share,
        -- the rate of a period without cases is taken to be the other period's, so that
        -- a channel that enters or leaves changes the mix and nothing else
        coalesce(value, previous_value, 0) as rate,
        coalesce(previous_value, value, 0) as previous_rate,
        -- what the total counts of a channel without cases is in no channel's rate
        case when cases = 0 then results / total_cases else 0 end as unmatched,
        case when previous_cases = 0 then previous_results / previous_total_cases else 0
        end as previous_unmatched
    from quantities

),

-- against the total's rate, so that to grow helps where a channel is better than the
-- average; over all channels the reference cancels out, as shares add up to 1
against_total as (

    select
        *,
        (previous_rate + rate) / 2 - (previous_total_value + total_value) / 2
            as rate_above_total
    from shares

),

effects as (

    select
        *,
        -- as a difference of products, so that no change is 0 and never -0
        case
            when is_ratio and total_reason is null
                then share * rate_above_total - previous_share * rate_above_total
        end as mix_effect,
        case
            when is_ratio and total_reason is null
                then (rate - previous_rate) * (previous_share + share) / 2
        end as performance_effect,
        case
            when is_ratio and total_reason is null
                then unmatched - previous_unmatched
        end as unmatched_effect
    from against_total

),

final as (

    select
        -- ids
        kpi_id,
        channel_id,

        -- texts
        basis,
        comparison,
        period_grain,
        case when is_ratio then 'rate' else 'amount' end as change_kind,
        case
            when value is null then 'no_cases'
            when previous_value is null then 'no_cases_before'
        end as change_reason,
        case when is_ratio then total_reason else 'not_applicable' end as split_reason,

        -- numerics
        numerator,
        denominator,
        value,
        previous_numerator,
        previous_denominator,
        previous_value,
        share,
        previous_share,
        case
            when is_ratio then value - previous_value
            else cast(numerator - previous_numerator as {{ type_double() }})
        end as change,
        mix_effect,
        performance_effect,
        unmatched_effect,
        case
            when is_ratio then mix_effect + performance_effect + unmatched_effect
            else cast(numerator - previous_numerator as {{ type_double() }})
        end as effect,
        definition_version,
        previous_definition_version,

        -- booleans
        coalesce(cases <> 0 and previous_cases = 0, false) as is_entering,
        coalesce(cases = 0 and previous_cases <> 0, false) as is_leaving,
        is_total_changed as is_definition_changed,
        is_complete,
        is_previous_complete,
        is_previous_covered,
        is_mature,
        is_previous_mature,
        is_small_sample,
        is_previous_small_sample,

        -- dates
        period_start,
        period_end,
        previous_period_start,
        previous_period_end
    from effects

)

select * from final

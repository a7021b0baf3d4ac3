{#-
    Grain: one row per kpi_id and months_since_start.
    What the reps of inside sales do in their first months: month 0 is the calendar month
    in which a rep began, the last row holds all later ones. Rates are a sum over a sum,
    counts are per rep and month. Event basis; months that are over.
-#}
{%- set later = var('ramp_months') + 1 -%}
with

parts as (

    select * from {{ ref('int_rep_kpi_parts') }}
    where basis = 'event' and period_grain = 'month'

),

definitions as (

    select
        *,
        row_number() over (partition by kpi_id order by version desc)
            as number_from_last
    from {{ ref('dim_kpis') }}
    where is_published and has_rep and has_event_basis and statistic is null

),

starts as (

    select * from {{ ref('int_rep_starts') }}

),

validity as (

    select * from {{ ref('int_rep_validity') }} where is_inside_sales

),

months as (

    select distinct
        period_start as month_start,
        period_end as month_end
    from {{ ref('int_calendar_periods') }}
    where period_grain = 'month' and period_end <= {{ as_of_date() }}

),

agreements as (

    select * from {{ ref('int_agreements') }} where date_day = {{ as_of_date() }}

),

-- the months at whose end a rep was there
rep_months as (

    select
        starts.rep_id,
        starts.is_start_known,
        months.month_start,
        cast(
            {{ dbt.datediff('starts.start_date', 'months.month_start', 'month') }}
            as integer
        ) as months_since_start
    from starts
    -- one-to-many
    inner join months on starts.start_date <= months.month_end
    -- one-to-one
    inner join validity
        on starts.rep_id = validity.rep_id
        and months.month_end between validity.valid_from and validity.valid_to

),

placed as (

    select
        rep_id,
        month_start,
        case
            when months_since_start < {{ later }} then months_since_start
            else {{ later }}
        end as months_since_start
    from rep_months
    -- who was there before the extracts begin has been there for longer than it seems
    where is_start_known or months_since_start >= {{ later }}

),

head_count as (

    select
        months_since_start,
        count(distinct rep_id) as reps,
        count(*) as rep_months
    from placed
    group by months_since_start

),

sums as (

    select
        parts.kpi_id,
        placed.months_since_start,
        sum(parts.numerator) as numerator,
        sum(parts.denominator) as denominator,
        sum(parts.sample) as sample
    from parts
    -- many-to-one
    inner join placed
        on parts.rep_id = placed.rep_id
        and parts.period_start = placed.month_start
    group by parts.kpi_id, placed.months_since_start

),

valued as (

    select
        definitions.kpi_id,
        definitions.is_additive,
        definitions.is_subset_event
        and definitions.sample_measure_id = definitions.denominator_measure_id
            as is_proportion,
        head_count.months_since_start,
        head_count.reps,
        head_count.rep_months,
        coalesce(sums.numerator, 0) as numerator,
        case
            when definitions.is_additive then head_count.rep_months
            else coalesce(sums.denominator, 0)
        end as denominator,
        coalesce(sums.sample, 0) as sample
    from definitions
    cross join head_count
    -- one-to-one; left, as nobody may have added to the KPI
    left join sums
        on definitions.kpi_id = sums.kpi_id
        and head_count.months_since_start = sums.months_since_start
    where definitions.number_from_last = 1

),

divided as (

    select
        *,
        cast(numerator as {{ type_double() }})
        / nullif(cast(denominator as {{ type_double() }}), 0) as value
    from valued

),

final as (

    select
        -- ids
        divided.kpi_id,

        -- texts
        case when divided.value is null then 'no_cases' end as value_reason,

        -- numerics
        divided.months_since_start,
        cast(divided.reps as integer) as reps,
        cast(divided.rep_months as integer) as rep_months,
        cast(divided.numerator as decimal(18, 2)) as numerator,
        cast(divided.denominator as decimal(18, 2)) as denominator,
        divided.value,
        {%- for bound in ['low', 'high'] %}
        case
            when divided.is_proportion
                then {{ wilson_bound('divided.value', 'divided.denominator', bound) }}
        end as ci_{{ bound }},
        {%- endfor %}

        -- booleans
        divided.months_since_start = {{ later }} as is_and_later,
        not divided.is_additive and divided.sample < agreements.small_sample_below
            as is_small_sample
    from divided
    cross join agreements

)

select * from final

{#-
    A select of KPI rows, each beside the row of the earlier period that it is compared
    with (int_period_comparisons): the columns of both, those of the earlier one as
    previous_…, and what a reader has to know before comparing them.

    relation    a published KPI table
    dimension   its column besides KPI, basis and period, or none for the totals
    kpi_ids     a select of the KPIs to take; none: those that channels have

    A row whose earlier period the table does not hold is left out.
-#}
{% macro beside_earlier(relation, dimension=none, kpi_ids=none) -%}
{%- set last_counted_day -%}
    case
        when this_period.basis = 'event' then this_period.period_end
        else {{ dbt.dateadd(
            'day', 'definitions.maturity_days', 'this_period.period_end'
        ) }}
    end
{%- endset -%}
{#- most rows are of days and weeks: they are left out before the joins -#}
{%- set compared_rows -%}
    (
        select *
        from {{ relation }}
        where
            period_grain in ('{{ var("compared_grains") | join("', '") }}')
            {%- if kpi_ids %}
            and kpi_id in ({{ kpi_ids }})
            {%- endif %}
    )
{%- endset -%}
select
    -- ids
    this_period.kpi_id,
    {%- if dimension %}
    this_period.{{ dimension }},
    {%- endif %}
    this_period.basis,
    comparisons.comparison,
    this_period.period_grain,

    -- numerics
    {%- for column in ['numerator', 'denominator', 'value', 'definition_version'] %}
    this_period.{{ column }},
    earlier.{{ column }} as previous_{{ column }},
    {%- endfor %}

    -- booleans
    {%- for flag in ['complete', 'mature', 'small_sample'] %}
    this_period.is_{{ flag }},
    earlier.is_{{ flag }} as is_previous_{{ flag }},
    {%- endfor %}
    comparisons.previous_first_business_day >= first_days.first_day
        as is_previous_covered,
    this_period.definition_version <> earlier.definition_version
    or this_period.is_mixed_version
    or earlier.is_mixed_version
    or exists (
        select 1
        from {{ ref('int_definition_changes') }} as changes
        where
            changes.kpi_id = this_period.kpi_id
            and changes.change_date
            > {{ definition_day('comparisons.previous_period_start') }}
            and changes.change_date <= {{ definition_day(last_counted_day) }}
            and changes.change_date <= {{ as_of_date() }}
    ) as is_definition_changed,

    -- dates
    this_period.period_start,
    this_period.period_end,
    comparisons.previous_period_start,
    comparisons.previous_period_end
from {{ compared_rows }} as this_period
-- many-to-many: a period has one row per comparison
inner join {{ ref('int_period_comparisons') }} as comparisons
    on this_period.period_grain = comparisons.period_grain
    and this_period.period_start = comparisons.period_start
-- many-to-one
inner join {{ compared_rows }} as earlier
    on this_period.kpi_id = earlier.kpi_id
    and this_period.basis = earlier.basis
    and comparisons.period_grain = earlier.period_grain
    and comparisons.previous_period_start = earlier.period_start
    {%- if dimension %}
    and this_period.{{ dimension }} = earlier.{{ dimension }}
    {%- endif %}
-- many-to-one
inner join {{ ref('dim_kpis') }} as definitions
    on this_period.kpi_id = definitions.kpi_id
    and this_period.definition_version = definitions.version
-- many-to-one
inner join (
    select
        basis,
        min(period_start) as first_day
    from {{ relation }}
    where period_grain = 'day'
    group by basis
) as first_days
    on this_period.basis = first_days.basis
-- of a median no channel has a part
where definitions.has_channel and definitions.statistic is null
{%- endmacro %}

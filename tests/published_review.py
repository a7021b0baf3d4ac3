"""A tiny published warehouse with every table that the monthly review reads."""

from __future__ import annotations

from pathlib import Path

import duckdb

# July and August are over, September is in progress on the 15th: 11 of 22 business days.
# alpha is old (a rep nobody knows the start of), beta began in July, gamma in February.
TABLES = """
create schema seeds; create schema marts;
create table seeds.bottleneck_steps as select * from (values
    ('leads_acquired', 10), ('meetings', 20), ('deals_won', 30), ('won_amount', 40)
) as rows (step, sort_order);
create table seeds.kpi_departments as select * from (values
    ('marketing', 'マーケティング', 'Marketing', 1),
    ('inside_sales', 'インサイドセールス', 'Inside sales', 2),
    ('field_sales', 'フィールドセールス', 'Field sales', 3)
) as rows (department_id, name_ja, name_en, sort_order);
create table seeds.undefined_reasons as select * from (values
    ('too_few_cases', '件数不足', 'Too few cases'), ('no_cases', '対象なし', 'No cases')
) as rows (reason_id, name_ja, name_en);
create table seeds.kpi_policies as select * from (values
    ('開封日数', 'Open window', '7日', '7 days', '旧', 'old', date '2000-01-01'),
    ('開封日数', 'Open window', '14日', '14 days', '長く待つ', 'Wait longer', date '2026-09-01')
) as rows (name_ja, name_en, value_ja, value_en, reason_ja, reason_en, effective_from);
create table marts.dim_channels as select * from (values
    ('webinar', 'ウェビナー', 'Webinar', 1), ('evil', '=1+1|<b>x</b>', '=1+1|<b>x</b>', 2),
    ('idle', '休止', 'Idle', 3)
) as rows (channel_id, name_ja, name_en, sort_order);
create table marts.dim_dates as
select cast(day as date) as date_day, dayofweek(day) between 1 and 5 as is_business_day
from range(date '2026-01-01', date '2027-01-01', interval 1 day) as days (day);
create table marts.dim_kpis as select
    *, '定義' as definition_ja, 'definition' as definition_en, '変更' || version as change_ja,
    'change ' || version as change_en, '理由' as change_reason_ja, 'because' as change_reason_en
from (values
    ('leads_acquired', 1, 'リード獲得数', 'Leads', 'count', 'quantity', 'higher', 'marketing', 1,
        true, date '2000-01-01', null),
    ('meetings', 1, '商談化件数', 'Meetings', 'count', 'quantity', 'higher', 'inside_sales', 2,
        true, date '2000-01-01', date '2026-09-09'),
    ('meetings', 2, '商談化件数', 'Meetings', 'count', 'quantity', 'higher', 'inside_sales', 2,
        true, date '2026-09-10', null),
    ('meetings', 3, '商談化案', 'Draft', 'count', 'quantity', 'higher', 'inside_sales', 2,
        false, date '2026-09-12', null),
    ('meeting_rate', 1, '商談化率', 'Meeting rate', 'rate', 'quality', 'higher', 'inside_sales', 3,
        true, date '2000-01-01', null),
    ('no_show_rate', 1, '無断率', 'No-show rate', 'rate', 'quality', 'lower', 'inside_sales', 4,
        true, date '2000-01-01', null),
    ('deals_won', 1, '受注数', 'Deals', 'count', 'quantity', 'higher', 'field_sales', 5, true,
        date '2000-01-01', null),
    ('won_amount', 1, '受注額', 'Won amount', 'jpy', 'quantity', 'higher', 'field_sales', 6, true,
        date '2000-01-01', null),
    ('old_kpi', 1, '旧指標', 'Old KPI', 'count', 'quantity', 'higher', 'marketing', 7, true,
        date '2000-01-01', date '2026-09-05')
) as rows (
    kpi_id, version, name_ja, name_en, unit, quantity_or_quality, polarity, owner_department,
    sort_order, is_published, effective_from, effective_to
);
create table marts.kpi_by_period as
select * replace (value::double as value), 'event' as basis, 'month' as period_grain,
    null as ci_low, null as ci_high,
    cast(last_day(period_start) as date) as period_end,
    last_day(period_start) <= date '2026-09-15' as is_complete
from (values
    ('leads_acquired', 100::decimal(18, 2), null::decimal(18, 2), 100.0, false, 1,
        date '2026-09-01'),
    ('meetings', 12, null, 12.0, false, 2, date '2026-09-01'),
    ('meeting_rate', 12, 100, 0.12, false, 1, date '2026-09-01'),
    ('deals_won', 3, null, 3.0, false, 1, date '2026-09-01'),
    ('won_amount', 6000000, null, 6000000.0, false, 1, date '2026-09-01'),
    ('leads_acquired', 200, null, 200.0, false, 1, date '2026-08-01'),
    ('meetings', 30, null, 30.0, false, 1, date '2026-08-01'),
    ('meeting_rate', 0, 0, null, false, 1, date '2026-07-01'),
    ('leads_acquired', 150, null, 150.0, false, 1, date '2026-07-01')
) as rows (
    kpi_id, numerator, denominator, value, is_small_sample, definition_version, period_start
);
create table marts.kpi_by_channel_period as
select * replace (value::double as value), 'event' as basis, 'month' as period_grain,
    null as ci_low, null as ci_high,
    date '2026-09-01' as period_start, null::decimal(18, 2) as denominator,
    value as numerator, false as is_small_sample
from (values
    ('leads_acquired', 'webinar', 60.0), ('leads_acquired', 'evil', 40.0),
    ('meetings', 'webinar', 9.0), ('leads_acquired', 'idle', 0.0)
) as rows (kpi_id, channel_id, value);
create table marts.kpi_by_team_period as
select * replace (value::double as value), 'event' as basis, 'month' as period_grain,
    null as ci_low, null as ci_high,
    date '2026-09-01' as period_start, value as numerator, null::decimal(18, 2) as denominator
from (values
    ('meetings', 'alpha', 7.0, false), ('meeting_rate', 'alpha', 0.16, false),
    ('no_show_rate', 'alpha', 0.05, false),
    ('meetings', 'beta', 5.0, false), ('meeting_rate', 'beta', 0.09, false),
    ('no_show_rate', 'beta', 0.3, true),
    ('meetings', 'gamma', 1.0, false), ('meeting_rate', 'ghosts', 0.5, false)
) as rows (kpi_id, team, value, is_small_sample);
create table marts.dim_reps as select *, 'inside_sales' as department_id from (values
    ('1', 'alpha', date '2026-01-01', date '2026-12-31'),
    ('2', 'alpha', date '2026-08-01', date '2026-12-31'),
    ('3', 'beta', date '2026-07-15', date '2026-12-31'),
    ('4', 'beta', date '2026-08-20', date '2026-08-31'),
    ('5', 'gamma', date '2026-01-01', date '2026-12-31'),
    ('6', 'beta', date '2026-10-01', date '2026-12-31')
) as rows (rep_id, team, valid_from, valid_to);
create table marts.rep_performance as
select *, 'month' as period_grain, date '2026-09-01' as period_start
from (values ('1', 'alpha', null::integer), ('5', 'gamma', 7)) as rows (
    rep_id, team, months_since_start
);
create table marts.kpi_attainment as
select *, date '2026-09-01' as month, 22 as business_days, 11 as business_days_elapsed,
    false as is_complete, null::decimal(18, 2) as numerator, null::decimal(18, 2) as denominator
from (values
    ('marketing', 'leads_acquired', 'all', 'count', 'quantity', 'on_track', null, 190.0, 100.0,
        0.526, 95.0, 1.05, 200.0, 180.0, 220.0, null, null, false),
    ('field_sales', 'leads_acquired', 'all', 'count', 'quantity', 'behind', null, 999.0, 100.0,
        0.1, 499.5, 0.2, 200.0, 180.0, 220.0, null, null, false),
    ('inside_sales', 'meetings', 'all', 'count', 'quantity', 'review', null, 40.0, 12.0, 0.3,
        20.0, 0.6, 24.0, 15.0, 33.0, 28.0, 6, false),
    ('inside_sales', 'meetings', 'webinar', 'count', 'quantity', 'behind', null, 22.0, 9.0, 0.409,
        11.0, 0.818, 18.0, 10.0, 26.0, null, null, false),
    ('inside_sales', 'meeting_rate', 'all', 'rate', 'quality', 'behind', null, 0.15, 0.12, 0.8,
        0.15, 0.8, 0.12, 0.07, 0.2, null, null, false),
    ('inside_sales', 'no_show_rate', 'all', 'rate', 'quality', null, 'too_few_cases', 0.1, 0.2,
        2.0, 0.1, 2.0, null, null, null, null, null, true),
    ('field_sales', 'won_amount', 'all', 'jpy', 'quantity', 'on_track', null, 11000000.0,
        6000000.0, 0.545, 5500000.0, 1.09, 12000000.0, 9000000.0, 15000000.0, null, null, false)
) as rows (
    department, kpi_id, channel_id, unit, quantity_or_quality, status, status_reason, target,
    actual, attainment, expected_to_date, pace, projected, projected_low, projected_high,
    supported_target, supported_months, is_small_sample
);
create table marts.funnel_bottlenecks as select *, date '2026-09-01' as month from (values
    ('all', 'leads_acquired', 'リード獲得', 'Leads', 'target', null, null, 100.0, 95.0, 0.0, 0.0,
        0.0, false, false, 10),
    ('all', 'meetings', 'リード→商談', 'Leads → meetings', 'target_counts', null, 100.0, 0.12,
        0.21, 0.09, 2.25, 4500000.0, true, false, 20),
    ('all', 'deals_won', '商談→受注', 'Meetings → deals', 'history', null, 12.0, 0.25, 0.3, 0.05,
        0.6, 1200000.0, false, true, 30),
    ('all', 'won_amount', '受注→受注額', 'Deals → amount', null, 'no_cases', 3.0, 2000000.0, null,
        null, null, null, false, true, 40),
    ('webinar', 'deals_won', '商談→受注', 'Meetings → deals', 'history', null, 9.0, 0.0, 0.3, 0.3,
        2.7, null, true, true, 30)
) as rows (
    channel_id, step, name_ja, name_en, target_source, reason, volume_in, actual_value,
    expected_value, shortfall, deals_lost, amount_lost_jpy, is_bottleneck, is_small_sample,
    sort_order
);
create table marts.kgi_kpi_tree as select *, date '2026-09-01' as month from (values
    ('all', 'won_amount', 'won_amount', '受注額', 'Won amount', null, '', '', 12000000.0,
        12000000.0, 12000000.0, null, null, null, null, null, null, null, true, 1),
    ('all', 'leads_acquired', 'leads_acquired', 'リード獲得数', 'Leads', 'above_supply',
        '供給は190件', 'The supply is 190', 400.0, 350.0, 480.0, 0.12, 0.1, 0.14, 2.5, 0.99, null,
        190.0, false, 2),
    ('webinar', 'deals_won', 'deals_won', '受注数', 'Deals', 'above_history', '過去最高を上回る',
        'Higher than ever', 9.0, 8.0, 10.0, 0.3, 0.2, 0.4, null, null, null, null, false, 3)
) as rows (
    channel_id, node, kpi_id, name_ja, name_en, reason, reason_ja, reason_en, required,
    required_low, required_high, rate_used, rate_low, rate_high, per_rep_day, history_percentile,
    capacity, supply, is_feasible, sort_order
);
create table marts.kgi_levers as select *, date '2026-09-01' as month from (values
    ('all', 'leads_acquired', 'meetings', '商談化率', 'Meeting rate', 0.12, 0.25, 1.083, true,
        false)
) as rows (
    channel_id, node, lever, name_ja, name_en, current_value, needed_value, change_share,
    is_possible, is_within_history
);
create table marts.target_conflicts as select *, date '2026-09-01' as month from (values
    ('nurture', '育成は供給以下', 'Nurture at most supply', '200件の育成に100件の供給',
        '=HYPERLINK("http://x")', 'all', 'inside_sales', 'leads_acquired', 'marketing',
        'leads_acquired', 200.0, 100.0, 100.0)
) as rows (
    rule_id, rule_name_ja, rule_name_en, detail_ja, detail_en, channel_id, department_id, kpi_id,
    other_department_id, other_kpi_id, value, other_value, difference
);
"""


def write_published(path: Path) -> Path:
    """The warehouse as a file, as of 2026-09-15."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLES)
    return path

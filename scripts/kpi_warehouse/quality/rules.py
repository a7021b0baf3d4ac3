"""What each expectation is called, how bad its failure is, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# error: numbers would be wrong, the command fails. warning: somebody should look.
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """A kind of expectation; several columns may be held against the same rule."""

    rule_id: str
    severity: Severity
    name_ja: str
    name_en: str
    mend: str


_LANDED = (
    Rule(
        "file_refused",
        "error",
        "読み込めないファイル",
        "A file was refused",
        "export the file again, or remove it; the rule after `refused` says why",
    ),
    Rule(
        "file_empty",
        "warning",
        "行のないファイル",
        "A file holds no rows",
        "export it again, or remove it",
    ),
    Rule(
        "columns_missing",
        "error",
        "取込ファイルの列が宣言と違う",
        "A landed file has not the declared columns",
        "run make land; if it stays, compare the object's sources YAML with the landed file",
    ),
    Rule(
        "rows_unaccounted",
        "error",
        "行数の内訳が合わない",
        "Landing's account does not add up",
        "run make land again; if it stays, it is a defect of landing",
    ),
    Rule(
        "rows_rejected",
        "warning",
        "拒否された行がある",
        "Rows were rejected",
        "look the rows up in data_quality_findings and mend them in the source",
    ),
    Rule(
        "rows_rejected_many",
        "error",
        "拒否された行が多すぎる",
        "Too many rows were rejected",
        "export the file again; look the rows up in data_quality_findings",
    ),
    Rule(
        "required_empty",
        "error",
        "必須項目が空",
        "A mandatory column is empty",
        "fill the column in the source, or correct the export's columns",
    ),
    Rule(
        "important_empty",
        "warning",
        "重要項目の空欄が多い",
        "An important column is empty too often",
        "add the column to the export, or have it filled in the source",
    ),
    Rule(
        "values_unreadable",
        "error",
        "型として読めない値が多い",
        "Too many values cannot be read as their type",
        "declare the column's form in seeds/sources/source_formats.csv",
    ),
    Rule(
        "versions_contradict",
        "error",
        "同じキー・同じ更新日時で内容が違う",
        "Rows of one key and stamp contradict each other",
        "export the object once, or with its modification stamp",
    ),
    Rule(
        "stale_daily",
        "error",
        "データが古い(毎日の業務)",
        "The newest record is too old, daily work",
        "export up to now, or set AS_OF_DATE to the day the extracts end",
    ),
    Rule(
        "stale",
        "warning",
        "データが古い",
        "The newest record is old",
        "export up to now, or set AS_OF_DATE to the day the extracts end",
    ),
    Rule(
        "volume_low",
        "warning",
        "最新ファイルの件数が少ない",
        "The newest file is far smaller than the recent ones",
        "check the filter and the period of the export",
    ),
    Rule(
        "volume_collapsed",
        "error",
        "最新ファイルの件数が激減",
        "The newest file has next to no rows",
        "export it again; check its filter and period",
    ),
    Rule(
        "codes_unmapped",
        "warning",
        "未分類コードの行が多い",
        "Too many rows carry codes without a mapping",
        "run make mappings and add the rows it proposes",
    ),
    Rule(
        "weekend_share",
        "warning",
        "土日の割合が不自然",
        "Too much work on weekends",
        "check the time zone and the order of day and month in source_formats.csv",
    ),
    Rule(
        "answered_share",
        "warning",
        "応答した架電の割合が不自然",
        "The share of answered dials is implausible",
        "check that the export holds unanswered dials, and the answer time",
    ),
)

_PUBLISHED = (
    Rule(
        "mart_missing",
        "error",
        "公開テーブルがない",
        "A published table is missing",
        "run make build",
    ),
    Rule(
        "mart_empty",
        "error",
        "公開テーブルが空",
        "A published table is empty",
        "check that the extracts hold the object it comes from",
    ),
    Rule(
        "mart_columns_missing",
        "error",
        "約束した列がない",
        "A promised column is missing",
        "publish a new version of the model instead of changing this one",
    ),
    Rule(
        "mart_types_changed",
        "error",
        "約束した型と違う",
        "A promised type changed",
        "publish a new version of the model instead of changing this one",
    ),
    Rule(
        "mart_keys_repeated",
        "error",
        "キーが重複",
        "A key is repeated",
        "an engineer mends the model's grain",
    ),
    Rule(
        "mart_keys_empty",
        "error",
        "キーが空",
        "A key is empty",
        "an engineer mends the model's grain",
    ),
    Rule(
        "personal_data",
        "error",
        "個人情報の形をした値",
        "A value looks like an e-mail address or a phone number",
        "an engineer takes the column out of the model",
    ),
    Rule(
        "kpi_undefined",
        "error",
        "定義台帳のKPIが公開されていない",
        "A KPI of the registry is not in dim_kpis",
        "run make build with this registry",
    ),
    Rule(
        "kpi_missing",
        "error",
        "KPIの値がない",
        "A published KPI has no values",
        "an engineer mends the KPI marts",
    ),
    Rule(
        "rate_out_of_range",
        "error",
        "率が0〜1の外",
        "A rate lies outside 0 and 1",
        "an engineer compares the numerator's and the denominator's measure",
    ),
    Rule(
        "numerator_exceeds",
        "error",
        "分子が分母より大きい",
        "The numerator exceeds its denominator",
        "an engineer compares the numerator's and the denominator's measure",
    ),
    Rule(
        "count_negative",
        "error",
        "負の件数・金額",
        "A count or amount is negative",
        "look for negative amounts in the extracts",
    ),
    Rule(
        "value_not_quotient",
        "error",
        "値が分子÷分母でない",
        "The value is not numerator over denominator",
        "an engineer mends the KPI marts",
    ),
    Rule(
        "interval_wrong",
        "error",
        "信頼区間が値を含まない",
        "The interval does not hold its value",
        "an engineer mends the Wilson interval",
    ),
    Rule(
        "periods_missing",
        "error",
        "期間が抜けている",
        "Periods are missing in between",
        "an engineer mends the calendar of the KPI marts",
    ),
    Rule(
        "periods_behind",
        "error",
        "基準日まで期間がない",
        "Periods end before the as-of date",
        "export up to the as-of date and run make build",
    ),
    Rule(
        "periods_open",
        "error",
        "完了フラグが矛盾",
        "A period counts as open though a later one is complete",
        "an engineer mends is_complete",
    ),
    Rule(
        "funnel_kpi_missing",
        "error",
        "ファネルにKPIの列がない",
        "A KPI has no column in the funnel",
        "run make definitions, then make build",
    ),
    Rule(
        "funnel_differs",
        "error",
        "ファネルとKPIの値が違う",
        "The funnel and the KPI by channel differ",
        "an engineer mends funnel_by_channel_period",
    ),
    Rule(
        "funnel_sum_differs",
        "error",
        "ファネルのチャネル合計が全体と違う",
        "The funnel's channels do not add up to the total",
        "an engineer looks for events in no channel or in several",
    ),
    Rule(
        "volume_unusual",
        "warning",
        "直近月の件数が普段と違う",
        "The last complete month is unlike those before",
        "check that every extract of that month was landed whole",
    ),
)

RULES = {rule.rule_id: rule for rule in (*_LANDED, *_PUBLISHED)}

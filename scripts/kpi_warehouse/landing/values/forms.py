"""The catalogue: which kinds of value there are, and in which forms each may be declared.

Forms of one kind that a column may have together never read one text in two ways; the pairs
that would are in CONFLICTS, and a column may have only one of them.
"""

from __future__ import annotations

from kpi_warehouse.landing.values.nulls import NULL_WORDS
from kpi_warehouse.landing.values.phones import REGION_FORMS

DATE_FORMS = frozenset(
    {
        "iso",  # 2025-04-01, 2025-04-01T09:30:00.000+0000, 2025-04-01 09:30
        "year_first_slashed",  # 2025/4/1 9:30
        "year_first_dotted",  # 2025.4.1
        "japanese",  # 2025年4月1日 9時30分
        "japanese_era",  # 令和7年4月1日, R7.4.1, 令和元年5月1日
        "compact",  # 20250401, 20250401093000
        "day_first",  # 1/4/2025, 01.04.2025
        "month_first",  # 4/1/2025 9:30 AM
        "excel_serial",  # 45748, 45748.395833
        "epoch_seconds",  # 1743467400
        "epoch_milliseconds",  # 1743467400000
    }
)
# Forms that name an instant: they have no use for a time zone in a timestamp column.
INSTANT_FORMS = frozenset({"epoch_seconds", "epoch_milliseconds"})

NUMBER_FORMS = frozenset(
    {
        "plain",  # 1000, -12.5, 1.5E+06
        "thousands",  # 1,000,000
        "decimal_comma",  # 3.500,00 and 3.500 for three thousand five hundred
        "currency",  # ¥1,000,000, "$200,000 ", 1,000円, € 3.500,00
        "myriads",  # 100万円, 1.5億円, 1億2,000万円
        "accounting_negative",  # (511.28), △1,000
        "percent_sign",  # 50%, kept as 50
    }
)

FORMS: dict[str, frozenset[str]] = {
    "timestamp": DATE_FORMS,
    "date": DATE_FORMS,
    "decimal": NUMBER_FORMS,
    "integer": NUMBER_FORMS,
    "phone": frozenset(REGION_FORMS),
    "null": frozenset(NULL_WORDS) | {"zero"},
}

# With decimal_comma, 1.500 is one thousand five hundred; with these it is one and a half.
_POINT_AND_COMMA = tuple(
    frozenset({"decimal_comma", form}) for form in ("plain", "thousands", "myriads")
)
CONFLICTS: dict[str, tuple[frozenset[str], ...]] = {
    "timestamp": (frozenset({"day_first", "month_first"}),),
    "date": (frozenset({"day_first", "month_first"}),),
    "decimal": _POINT_AND_COMMA,
    "integer": _POINT_AND_COMMA,
}

# Data type of a column -> the kind of its forms; other types have none but `null`.
KIND_OF_TYPE = {
    "timestamp": "timestamp",
    "date": "date",
    "month": "date",
    "integer": "integer",
    "decimal": "decimal",
    "phone": "phone",
}

"""What the landed files of an object are expected to look like, before staging reads them."""

from __future__ import annotations

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation

from kpi_warehouse.quality import limits
from kpi_warehouse.quality.checks import Batch, check, percent
from kpi_warehouse.quality.extracts import LandedObject
from kpi_warehouse.quality.landed_profile import Landing, profile_object, required_columns


def landed_batch(landing: Landing, layout: LandedObject) -> Batch:
    """The object's profile, a row per file, with its suite."""
    return Batch(
        name=f"landed.{layout.full_name}",
        title_ja=f"取込ファイル {layout.full_name}",
        title_en=f"Landed files of {layout.full_name}",
        where=("file_name",),
        frame=profile_object(landing, layout),
        expectations=tuple(landed_suite(layout)),
    )


def landed_suite(layout: LandedObject) -> list[Expectation]:
    """The object's expectations: those of every object, then those of its columns and facts."""
    return [*_files(), *_freshness(layout), *_columns(layout), *_distributions(layout)]


def _files() -> list[Expectation]:
    """Whether each file was landed whole, as declared and in its usual size."""
    return [
        check(
            "file_refused",
            gxe.ExpectColumnValuesToBeInSet,
            "every file is landed",
            column="status",
            value_set=["landed"],
        ),
        check("file_empty", gxe.ExpectColumnValuesToBeBetween, "rows", column="rows", min_value=1),
        check(
            "columns_missing",
            gxe.ExpectColumnValuesToBeInSet,
            "the declared columns as text, and no others",
            column="wrong_columns",
            value_set=[""],
        ),
        check(
            "rows_unaccounted",
            gxe.ExpectColumnValuesToBeBetween,
            "records = rows landed + rejected + excluded",
            column="unaccounted_rows",
            max_value=0,
        ),
        _at_most("rows_rejected", "rejected_share", limits.REJECTED_SHARE_SOME),
        _at_most("rows_rejected_many", "rejected_share", limits.REJECTED_SHARE_MANY),
        _at_least("volume_low", "rows_to_recent", limits.VOLUME_LOW),
        _at_least("volume_collapsed", "rows_to_recent", limits.VOLUME_COLLAPSED),
        _at_most("versions_contradict", "contradicting_share", limits.CONTRADICTING_SHARE),
    ]


def _freshness(layout: LandedObject) -> list[Expectation]:
    """How old the newest record of the newest file may be."""
    if not layout.time_columns:
        return []
    is_daily = (layout.system, layout.name) in limits.DAILY_OBJECTS
    days = limits.DAILY_WORK_DAYS if is_daily else limits.OCCASIONAL_WORK_DAYS
    return [
        check(
            "stale_daily" if is_daily else "stale",
            gxe.ExpectColumnMinToBeBetween,
            f"a record of the last {days} days before the as-of date",
            column="days_old",
            max_value=days,
        )
    ]


def _columns(layout: LandedObject) -> list[Expectation]:
    """Whether columns are filled and can be read."""
    facts = limits.FACTS.get((layout.system, layout.name), limits.Facts())
    required = required_columns(layout)
    expectations = [
        _at_most("required_empty", f"empty_{name}", limits.EMPTY_REQUIRED_SHARE)
        for name in required
    ]
    expectations += [
        _at_most("important_empty", f"empty_{name}", share)
        for name, share in facts.important
        if name not in required
    ]
    if any(column.data_type not in ("text", "phone", "email") for column in layout.columns):
        expectations.append(
            _at_most("values_unreadable", "unreadable_share", limits.UNREADABLE_SHARE)
        )
    return expectations


def _distributions(layout: LandedObject) -> list[Expectation]:
    """Whether codes are known, and work lies on working days and is sometimes answered."""
    facts = limits.FACTS.get((layout.system, layout.name), limits.Facts())
    expectations = [
        _at_most("codes_unmapped", f"unmapped_{name}", limits.UNMAPPED_SHARE)
        for name, _, _ in facts.codes
    ]
    if facts.happened_at:
        expectations.append(_at_most("weekend_share", "weekend_share", limits.WEEKEND_SHARE))
    if facts.answered:
        low, high = limits.ANSWERED_SHARE_FROM, limits.ANSWERED_SHARE_TO
        expectations.append(
            check(
                "answered_share",
                gxe.ExpectColumnValuesToBeBetween,
                f"{percent(low)} to {percent(high)}",
                column="answered_share",
                min_value=low,
                max_value=high,
            )
        )
    return expectations


def _at_most(rule_id: str, column: str, share: float) -> Expectation:
    return check(
        rule_id,
        gxe.ExpectColumnValuesToBeBetween,
        f"at most {percent(share)}",
        column=column,
        max_value=share,
    )


def _at_least(rule_id: str, column: str, share: float) -> Expectation:
    return check(
        rule_id,
        gxe.ExpectColumnValuesToBeBetween,
        f"at least {percent(share)} of the recent files' median",
        column=column,
        min_value=share,
    )

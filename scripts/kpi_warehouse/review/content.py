"""What the monthly review says, read from the published tables; its looks are elsewhere."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, TypeVar

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.kpi_sheet.content import Month, Number
from kpi_warehouse.published import Row, Text, check_as_of, read_rows, text_of
from kpi_warehouse.review.history import Snapshot, Value

ALL = "all"
# a review keeps the values of its month and of so many before
KEPT_MONTHS = 12
RATE = "rate"

Found = TypeVar("Found")


@dataclass(frozen=True)
class Kpi:
    """What is said of a KPI, by its version of the month."""

    kpi_id: str
    name: Text
    unit: str
    quantity_or_quality: str
    polarity: str
    owner_department: str
    sort_order: int


@dataclass(frozen=True)
class Actual:
    """A KPI's value of the month."""

    kpi_id: str
    numerator: Number | None
    denominator: Number | None
    value: Number | None
    ci_low: Number | None
    ci_high: Number | None
    is_small_sample: bool


@dataclass(frozen=True)
class Attainment:
    """A row of kpi_attainment."""

    department: str
    kpi_id: str
    channel_id: str
    unit: str
    quantity_or_quality: str
    status: str | None
    status_reason: str | None
    target: Number | None
    actual: Number | None
    numerator: Number | None
    denominator: Number | None
    attainment: Number | None
    expected_to_date: Number | None
    pace: Number | None
    projected: Number | None
    projected_low: Number | None
    projected_high: Number | None
    supported_target: Number | None
    supported_months: int | None
    is_small_sample: bool


@dataclass(frozen=True)
class Bottleneck:
    """A row of funnel_bottlenecks."""

    channel_id: str
    step: str
    name: Text
    target_source: str | None
    reason: str | None
    volume_in: Number | None
    actual_value: Number | None
    expected_value: Number | None
    shortfall: Number | None
    deals_lost: Number | None
    amount_lost_jpy: Number | None
    is_bottleneck: bool
    is_small_sample: bool


@dataclass(frozen=True)
class Node:
    """A row of kgi_kpi_tree."""

    channel_id: str
    node: str
    kpi_id: str | None
    name: Text
    reason: str | None
    reason_text: Text
    required: Number | None
    required_low: Number | None
    required_high: Number | None
    rate_used: Number | None
    rate_low: Number | None
    rate_high: Number | None
    per_rep_day: Number | None
    history_percentile: Number | None
    capacity: Number | None
    supply: Number | None
    is_feasible: bool | None


@dataclass(frozen=True)
class Lever:
    """A row of kgi_levers."""

    channel_id: str
    node: str
    lever: str
    name: Text
    current_value: Number | None
    needed_value: Number | None
    change_share: Number | None
    is_possible: bool | None
    is_within_history: bool | None


@dataclass(frozen=True)
class Conflict:
    """A row of target_conflicts."""

    rule_name: Text
    detail: Text
    channel_id: str
    department_id: str
    kpi_id: str
    other_department_id: str | None
    other_kpi_id: str | None
    value: Number | None
    other_value: Number | None
    difference: Number | None


@dataclass(frozen=True)
class Change:
    """A definition or policy that begins to count, or ends, within the month."""

    name: Text
    what: Text
    reason: Text
    day: date
    version: int | None
    is_end: bool


@dataclass(frozen=True)
class Team:
    """A team and what it did.

    Attributes:
        months: since its first rep began; None if it was there before the records.
    """

    name: str
    department_id: str | None
    months: int | None
    is_new: bool
    actuals: Mapping[str, Actual]


@dataclass(frozen=True)
class Review:
    """All that the review of a month says."""

    month: Month
    as_of: date
    business_days: int
    business_days_elapsed: int
    new_team_months: int
    steps: tuple[str, ...]
    kpis: Mapping[str, Kpi]
    departments: Mapping[str, Text]
    channels: Mapping[str, Text]
    reasons: Mapping[str, Text]
    actuals: Mapping[tuple[str, str], Actual]
    attainments: tuple[Attainment, ...]
    bottlenecks: tuple[Bottleneck, ...]
    nodes: tuple[Node, ...]
    levers: tuple[Lever, ...]
    conflicts: tuple[Conflict, ...]
    changes: tuple[Change, ...]
    teams: tuple[Team, ...]
    snapshot: Snapshot

    @property
    def is_complete(self) -> bool:
        """Whether the month is over."""
        return self.month.last_day <= self.as_of

    @property
    def last_day(self) -> date:
        """The last day that is in."""
        return min(self.month.last_day, self.as_of)

    def target_of(self, kpi_id: str, channel_id: str = ALL) -> Attainment | None:
        """The target that counts: the owner's, else that of the first department."""
        found = [
            each
            for each in self.attainments
            if each.kpi_id == kpi_id and each.channel_id == channel_id
        ]
        order = [self.kpis[kpi_id].owner_department, *self.departments] if found else []

        def rank(each: Attainment) -> int:
            return order.index(each.department) if each.department in order else len(order)

        return min(found, key=rank, default=None)

    @property
    def goal(self) -> Node | None:
        """The goal itself (KGI): the root of the tree."""
        amounts = [
            node for node in self.nodes if node.channel_id == ALL and node.kpi_id == self.steps[-1]
        ]
        return amounts[0] if amounts else None


def month_of(text: str) -> Month:
    """The month that YYYY-MM names. Raises UserError if it names none."""
    try:
        year, month = text.split("-")
        if (len(year), len(month)) != (4, 2):
            raise ValueError(text)
        first_day = date(int(year), int(month), 1)
    except ValueError as error:
        raise UserError("not a month", f"MONTH {text!r}", "write it as YYYY-MM") from error
    return Month(first_day, first_day.replace(day=calendar.monthrange(int(year), int(month))[1]))


def last_complete_month(as_of: date) -> Month:
    """The last month that is over on a day."""
    last_day = (as_of + timedelta(days=1)).replace(day=1) - timedelta(days=1)
    return Month(last_day.replace(day=1), last_day)


def read_review(
    connection: duckdb.DuckDBPyConnection, month: Month, as_of: date, new_team_months: int
) -> Review:
    """Read the review of a month from a warehouse that was built as of `as_of`.

    Raises UserError if the month has not begun, the warehouse holds nothing of it or shows another
    day, duckdb.CatalogException or duckdb.BinderException if it is not one of this project's.
    """
    check_as_of(connection, as_of)
    _check_month(connection, month, as_of)
    of_month = {"first_day": month.first_day, "last_day": month.last_day, "as_of": as_of}

    def rows(sql: str) -> list[dict[str, Any]]:
        used = {name: value for name, value in of_month.items() if f"${name}" in sql}
        return read_rows(connection, sql, used)

    step_ids = tuple(
        row["step"] for row in rows("select step from seeds.bottleneck_steps order by sort_order")
    )
    (days,) = rows(
        """
        select
            count(*) as business_days,
            coalesce(sum(if(date_day <= $as_of, 1, 0)), 0) as elapsed
        from marts.dim_dates
        where is_business_day and date_day between $first_day and $last_day
        """
    )
    return Review(
        month=month,
        as_of=as_of,
        business_days=days["business_days"],
        business_days_elapsed=int(days["elapsed"]),
        new_team_months=new_team_months,
        steps=step_ids,
        kpis={row["kpi_id"]: _made(Kpi, row) for row in rows(_KPIS)},
        departments=_names(
            rows(
                "select department_id as id, name_ja, name_en from seeds.kpi_departments "
                "order by sort_order"
            )
        ),
        channels=_names(
            rows(
                "select channel_id as id, name_ja, name_en from marts.dim_channels "
                "order by sort_order, channel_id"
            )
        ),
        reasons=_names(
            rows("select reason_id as id, name_ja, name_en from seeds.undefined_reasons")
        ),
        actuals={(row["channel_id"], row["kpi_id"]): _made(Actual, row) for row in rows(_ACTUALS)},
        attainments=tuple(
            _made(Attainment, row)
            for row in rows("select * from marts.kpi_attainment where month = $first_day")
        ),
        bottlenecks=tuple(
            _made(Bottleneck, row)
            for row in rows(
                "select * from marts.funnel_bottlenecks where month = $first_day "
                "order by channel_id, sort_order"
            )
        ),
        nodes=tuple(
            _made(Node, row, reason_text=text_of(row, "reason"))
            for row in rows(
                "select * from marts.kgi_kpi_tree where month = $first_day "
                "order by channel_id, sort_order, node"
            )
        ),
        levers=tuple(
            _made(Lever, row)
            for row in rows(
                "select * from marts.kgi_levers where month = $first_day "
                "order by channel_id, node, abs(change_share) nulls last, lever"
            )
        ),
        conflicts=tuple(
            _made(
                Conflict,
                row,
                rule_name=text_of(row, "rule_name"),
                detail=text_of(row, "detail"),
            )
            for row in rows(
                "select * from marts.target_conflicts where month = $first_day "
                "order by rule_id, channel_id, department_id, kpi_id, other_department_id"
            )
        ),
        changes=tuple(_change(row) for row in rows(_CHANGES)),
        teams=_teams(rows(_TEAMS), rows(_TEAM_ACTUALS), step_ids, new_team_months),
        snapshot=Snapshot(
            month.first_day,
            as_of,
            tuple(_made(Value, row) for row in rows(_VALUES.format(months=KEPT_MONTHS))),
        ),
    )


_KPIS = """
    select
        kpi_id, name_ja, name_en, unit, quantity_or_quality, polarity, owner_department, sort_order
    from marts.dim_kpis
    where is_published
    -- the version of the end of the month, else the last one before, else the first one
    qualify row_number() over (
        partition by kpi_id
        order by
            effective_from <= least($last_day, $as_of) desc,
            abs(datediff('day', effective_from, $last_day)),
            version
    ) = 1
    order by sort_order, kpi_id
"""
_ACTUALS = """
    select 'all' as channel_id, kpi_id, numerator, denominator, value, ci_low, ci_high,
        is_small_sample
    from marts.kpi_by_period
    where basis = 'event' and period_grain = 'month' and period_start = $first_day
    union all
    select channel_id, kpi_id, numerator, denominator, value, ci_low, ci_high, is_small_sample
    from marts.kpi_by_channel_period
    where basis = 'event' and period_grain = 'month' and period_start = $first_day
"""
_TEAM_ACTUALS = """
    select team, kpi_id, numerator, denominator, value, ci_low, ci_high, is_small_sample
    from marts.kpi_by_team_period
    where basis = 'event' and period_grain = 'month' and period_start = $first_day
"""
# a rep whose start nobody knows was there before the records, and so was the team
_TEAMS = """
    with

    known as (

        select rep_id, team, max(months_since_start) as months
        from marts.rep_performance
        where period_grain = 'month' and period_start = $first_day
        group by rep_id, team

    ),

    members as (

        select
            reps.team,
            reps.department_id,
            case
                when reps.valid_from > (select min(date_day) from marts.dim_dates)
                    then datediff('month', reps.valid_from, $first_day)
                else known.months
            end as months
        from marts.dim_reps as reps
        left join known on reps.rep_id = known.rep_id and reps.team = known.team
        where reps.valid_from <= $last_day and reps.team is not null

    )

    select
        team,
        max(department_id) as department_id,
        if(count(*) = count(months), max(months), null) as months
    from members
    group by team
    order by team
"""
_CHANGES = """
    select
        name_ja, name_en, change_ja as what_ja, change_en as what_en, change_reason_ja as reason_ja,
        change_reason_en as reason_en, effective_from as day, version, false as is_end, 1 as kind,
        sort_order
    from marts.dim_kpis
    where is_published and effective_from between $first_day and $last_day
    union all
    -- withdrawn, without a successor
    select
        name_ja, name_en, definition_ja, definition_en, '', '', effective_to, version, true, 2,
        sort_order
    from marts.dim_kpis as ended
    where
        is_published and effective_to between $first_day and $last_day
        and not exists (
            select 1 from marts.dim_kpis as later
            where later.kpi_id = ended.kpi_id and later.is_published
                and later.version > ended.version
        )
    union all
    select
        name_ja, name_en, value_ja, value_en, reason_ja, reason_en, effective_from, null, false, 3,
        0
    from seeds.kpi_policies
    where effective_from between $first_day and $last_day
    order by kind, day, sort_order, name_ja
"""
_VALUES = """
    select
        kpi_id, period_start as month, definition_version as version, numerator, denominator,
        value, is_complete
    from marts.kpi_by_period
    where
        basis = 'event' and period_grain = 'month'
        and period_start between $first_day - interval '{months} months' and $first_day
    order by period_start, kpi_id
"""


def _check_month(connection: duckdb.DuckDBPyConnection, month: Month, as_of: date) -> None:
    if month.first_day > as_of:
        raise UserError(
            f"has not begun as of {as_of}",
            f"MONTH {month.first_day:%Y-%m}",
            "take a month that has, or build the warehouse as of a later day",
        )
    (held,) = read_rows(
        connection,
        """
        select
            min(period_start) as first_month,
            max(period_start) as last_month,
            count(*) filter (where period_start = $first_day) as values
        from marts.kpi_by_period
        where basis = 'event' and period_grain = 'month'
        """,
        {"first_day": month.first_day},
    )
    if not held["values"]:
        has = held["first_month"] is not None
        raise UserError(
            "the warehouse holds nothing of it",
            f"MONTH {month.first_day:%Y-%m}",
            f"take one from {held['first_month']:%Y-%m} to {held['last_month']:%Y-%m}"
            if has
            else "run make build with extracts of it",
        )


def _made(kind: type[Found], row: Row, **given: object) -> Found:
    """A dataclass from the columns of its fields' names; `name` is one in two languages."""
    values = dict(given)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            continue
        values[field.name] = text_of(row, "name") if field.name == "name" else row[field.name]
    return kind(**values)


def _names(rows: list[dict[str, Any]]) -> dict[str, Text]:
    return {row["id"]: text_of(row, "name") for row in rows}


def _change(row: Row) -> Change:
    return _made(Change, row, what=text_of(row, "what"), reason=text_of(row, "reason"))


def _teams(
    rows: list[dict[str, Any]],
    values: list[dict[str, Any]],
    steps: tuple[str, ...],
    new_team_months: int,
) -> tuple[Team, ...]:
    """The teams that did anything of the funnel in the month."""
    by_team: dict[str, dict[str, Actual]] = {}
    for row in values:
        by_team.setdefault(row["team"], {})[row["kpi_id"]] = _made(Actual, row)
    members = {row["team"]: row for row in rows}
    return tuple(
        Team(
            name=team,
            department_id=row.get("department_id"),
            months=row.get("months"),
            is_new=row.get("months") is not None and row["months"] <= new_team_months,
            actuals=by_team[team],
        )
        for team in sorted(by_team)
        for row in (members.get(team, {}),)
        if any(each.value for kpi_id, each in by_team[team].items() if kpi_id in steps)
    )

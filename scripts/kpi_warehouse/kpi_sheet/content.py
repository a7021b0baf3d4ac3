"""What the KPI sheet says, read from a warehouse; how it looks is the renderers' business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from kpi_warehouse.published import Row, Text, check_as_of, text_of
from kpi_warehouse.published import read_rows as _rows

Number = int | float | Decimal
_ADDED_UP = ("count", "jpy")
_SMALL_SAMPLE_POLICY = "small_sample_below"
# a measure that this field decides is, on the cohort basis, dated by the hand-over
_HAND_OVER_FIELD = "leads.handed_over_at"


@dataclass(frozen=True)
class Department:
    """Who owns and signs definitions, and in which role."""

    department_id: str
    name: Text
    role: Text


@dataclass(frozen=True)
class Policy:
    """One value of a policy and the days on which it decides, both inclusive.

    Attributes:
        code: The value as models read it.
        value: The value in words.
        allowed_values: The codes that it may take.
    """

    policy_id: str
    code: str
    effective_from: date
    effective_to: date | None
    allowed_values: str
    name: Text
    value: Text
    reason: Text

    def is_in_force(self, day: date) -> bool:
        """Whether it decides on `day`."""
        return self.effective_from <= day and (not self.effective_to or day <= self.effective_to)


@dataclass(frozen=True)
class Measure:
    """What is counted or added up."""

    measure_id: str
    source_model: str
    name: Text
    unit: str
    counts: Text
    policy_ids: tuple[str, ...]
    source_fields: tuple[str, ...]

    @property
    def is_cohort_of_hand_over(self) -> bool:
        """Whether its cohort is that of the hand-over, and not of the lead's acquisition."""
        return _HAND_OVER_FIELD in self.source_fields


@dataclass(frozen=True)
class Distribution:
    """What is observed case by case, of which a KPI can be a statistic.

    Attributes:
        clock: wall or business; None for what is no time.
    """

    distribution_id: str
    name: Text
    clock: str | None
    unit: str
    counts: Text
    policy_ids: tuple[str, ...]
    source_fields: tuple[str, ...]


@dataclass(frozen=True)
class Signoff:
    """A department's signature under a version; without a day it is missing."""

    department: Department
    is_required: bool
    signed_on: date | None


@dataclass(frozen=True)
class Version:
    """One version of one KPI's definition: of measures, or a statistic of a distribution."""

    kpi_id: str
    version: int
    name: Text
    phase: str
    status: str
    is_published: bool
    is_current: bool
    effective_from: date
    effective_to: date | None
    numerator: Measure | None
    denominator: Measure | None
    sample: Measure | None
    distribution: Distribution | None
    statistic: str | None
    unit: str
    quantity_or_quality: str
    polarity: str
    has_event_basis: bool
    has_cohort_basis: bool
    has_channel: bool
    has_rep: bool
    has_team: bool
    is_targetable: bool
    maturity_days: int
    definition: Text
    rules: str
    owner: Department
    signoffs: tuple[Signoff, ...]
    change: Text
    change_reason: Text
    sort_order: int

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What it rests on, each once."""
        found = (self.numerator, self.denominator, self.sample)
        return tuple(dict.fromkeys(measure for measure in found if measure))

    @property
    def policy_ids(self) -> frozenset[str]:
        """The policies that decide what it counts or observes."""
        rests_on = [*self.measures, *([self.distribution] if self.distribution else [])]
        return frozenset(policy_id for each in rests_on for policy_id in each.policy_ids)

    @property
    def is_added_up(self) -> bool:
        """Whether the values of channels add up to that of all."""
        return self.unit in _ADDED_UP and self.distribution is None

    @property
    def is_cohort_of_hand_over(self) -> bool:
        """Whether its cohorts are dated by the hand-over."""
        return any(measure.is_cohort_of_hand_over for measure in self.measures)

    @property
    def missing_signoffs(self) -> tuple[Signoff, ...]:
        """The signatures that it needs and does not have."""
        return tuple(each for each in self.signoffs if each.is_required and not each.signed_on)


@dataclass(frozen=True)
class Result:
    """A KPI's value of the month, on the event basis, in total."""

    numerator: Number | None
    denominator: Number | None
    value: Number | None
    ci_low: Number | None
    ci_high: Number | None
    is_small_sample: bool
    version: int
    is_mixed_version: bool


@dataclass(frozen=True)
class Target:
    """A department's target for the month, all channels.

    Attributes:
        value: None if there are targets of a rate by channel only, which have no total.
        channels: How many channels' targets it is the sum of; 0 if it was set as a total.
    """

    department: Text
    value: Number | None
    channels: int


@dataclass(frozen=True)
class Kpi:
    """A KPI by its current version, else its last published one, else its draft.

    Attributes:
        targets: The owner's first.
        policies: The values in force of the policies that its measures read.
        other_versions: What is not `version`, in their order.
    """

    version: Version
    result: Result | None
    targets: tuple[Target, ...]
    policies: tuple[Policy, ...]
    other_versions: tuple[Version, ...]

    @property
    def target(self) -> Target | None:
        """The target that counts: the owner's, else that of the first department."""
        return self.targets[0] if self.targets else None

    @property
    def attainment(self) -> float | None:
        """Actual ÷ target; None without either, or where the target is nothing."""
        actual = self.result.value if self.result else None
        target = self.target.value if self.target else None
        return float(actual) / float(target) if actual is not None and target else None


@dataclass(frozen=True)
class Month:
    """The last complete month."""

    first_day: date
    last_day: date


@dataclass(frozen=True)
class Sheet:
    """All that the KPI sheet says.

    Attributes:
        month: None before the first month is over.
        small_sample_below: Cases below which a ratio is marked; None if there is no such policy.
    """

    as_of: date
    month: Month | None
    kpis: tuple[Kpi, ...]
    versions: tuple[Version, ...]
    policies: tuple[Policy, ...]
    measures: tuple[Measure, ...]
    departments: tuple[Department, ...]
    small_sample_below: str | None

    def users_of(self, measure: Measure) -> tuple[Kpi, ...]:
        """The KPIs that rest on a measure."""
        return tuple(kpi for kpi in self.kpis if measure in kpi.version.measures)

    def policy_name(self, policy_id: str) -> Text:
        """A policy's name, the latest if it changed; the id itself if there is no such policy."""
        names = [each.name for each in self.policies if each.policy_id == policy_id]
        return names[-1] if names else Text(policy_id, policy_id)


def read_sheet(connection: duckdb.DuckDBPyConnection, as_of: date) -> Sheet:
    """Read the sheet of a warehouse that was built as of `as_of`.

    Raises UserError if the warehouse shows another day, duckdb.CatalogException or
    duckdb.BinderException if it is not one of this project's, or of an older state of it.
    """
    check_as_of(connection, as_of)
    departments = _read_departments(connection)
    measures = _read_measures(connection)
    distributions = _read_distributions(connection)
    policies = _read_policies(connection)
    versions = _read_versions(connection, departments, measures, distributions)
    month = _read_month(connection)
    results = _read_results(connection, month) if month else {}
    targets = _read_targets(connection, month) if month else {}
    by_kpi: dict[str, list[Version]] = {}
    for version in versions:
        by_kpi.setdefault(version.kpi_id, []).append(version)
    kpis = []
    for kpi_id, its_versions in by_kpi.items():
        shown = max(
            its_versions, key=lambda each: (each.is_current, each.is_published, each.version)
        )
        kpis.append(
            Kpi(
                version=shown,
                result=results.get(kpi_id),
                targets=_targets_of(shown, targets.get(kpi_id, []), departments),
                policies=tuple(
                    policy
                    for policy in policies
                    if policy.policy_id in shown.policy_ids and policy.is_in_force(as_of)
                ),
                other_versions=tuple(each for each in its_versions if each is not shown),
            )
        )
    return Sheet(
        as_of=as_of,
        month=month,
        kpis=tuple(sorted(kpis, key=lambda kpi: (kpi.version.sort_order, kpi.version.kpi_id))),
        versions=tuple(versions),
        policies=tuple(policies),
        measures=tuple(measures.values()),
        departments=tuple(departments.values()),
        small_sample_below=next(
            (
                policy.code
                for policy in policies
                if policy.policy_id == _SMALL_SAMPLE_POLICY
                and policy.is_in_force(month.last_day if month else as_of)
            ),
            None,
        ),
    )


def _read_departments(connection: duckdb.DuckDBPyConnection) -> dict[str, Department]:
    rows = _rows(
        connection,
        """
        select department_id, name_ja, name_en, role_ja, role_en
        from seeds.kpi_departments
        order by sort_order, department_id
        """,
    )
    return {
        row["department_id"]: Department(
            row["department_id"], text_of(row, "name"), text_of(row, "role")
        )
        for row in rows
    }


def _read_measures(connection: duckdb.DuckDBPyConnection) -> dict[str, Measure]:
    rows = _rows(
        connection,
        """
        select
            measure_id, source_model, name_ja, name_en, unit, counts_ja, counts_en,
            policy_ids, source_fields
        from seeds.measures
        order by measure_id
        """,
    )
    return {
        row["measure_id"]: Measure(
            measure_id=row["measure_id"],
            source_model=row["source_model"],
            name=text_of(row, "name"),
            unit=row["unit"],
            counts=text_of(row, "counts"),
            policy_ids=tuple((row["policy_ids"] or "").split()),
            source_fields=tuple((row["source_fields"] or "").split()),
        )
        for row in rows
    }


def _read_distributions(connection: duckdb.DuckDBPyConnection) -> dict[str, Distribution]:
    rows = _rows(
        connection,
        """
        select
            distribution_id, name_ja, name_en, clock, unit, counts_ja, counts_en, policy_ids,
            source_fields
        from seeds.distributions
        """,
    )
    return {
        row["distribution_id"]: Distribution(
            distribution_id=row["distribution_id"],
            name=text_of(row, "name"),
            clock=row["clock"],
            unit=row["unit"],
            counts=text_of(row, "counts"),
            policy_ids=tuple((row["policy_ids"] or "").split()),
            source_fields=tuple((row["source_fields"] or "").split()),
        )
        for row in rows
    }


def _read_policies(connection: duckdb.DuckDBPyConnection) -> list[Policy]:
    rows = _rows(
        connection,
        """
        select
            policy_id, policy_value, effective_from, effective_to, allowed_values,
            name_ja, name_en, value_ja, value_en, reason_ja, reason_en
        from seeds.kpi_policies
        order by policy_id, effective_from
        """,
    )
    return [
        Policy(
            policy_id=row["policy_id"],
            code=str(row["policy_value"]),
            effective_from=row["effective_from"],
            effective_to=row["effective_to"],
            allowed_values=row["allowed_values"],
            name=text_of(row, "name"),
            value=text_of(row, "value"),
            reason=text_of(row, "reason"),
        )
        for row in rows
    ]


def _read_versions(
    connection: duckdb.DuckDBPyConnection,
    departments: Mapping[str, Department],
    measures: Mapping[str, Measure],
    distributions: Mapping[str, Distribution],
) -> list[Version]:
    signed = {
        (row["kpi_id"], row["version"], row["department_id"]): row["signed_on"]
        for row in _rows(
            connection,
            """
            select kpi_id, version, department_id, min(signed_on) as signed_on
            from seeds.kpi_signoffs
            group by kpi_id, version, department_id
            """,
        )
    }
    rows = _rows(
        connection,
        """
        select
            kpi_id, version, name_ja, name_en, phase, status, is_published, is_current,
            effective_from, effective_to, numerator_measure_id, denominator_measure_id,
            sample_measure_id, distribution_id, statistic, unit, quantity_or_quality,
            polarity, has_event_basis,
            has_cohort_basis, has_channel, has_rep, has_team, is_targetable, maturity_days,
            definition_ja, definition_en, rules, owner_department, required_signoffs,
            change_ja, change_en, change_reason_ja, change_reason_en, sort_order
        from marts.dim_kpis
        order by sort_order, kpi_id, version
        """,
    )
    same = (
        *("kpi_id", "version", "phase", "status", "is_published", "is_current", "unit"),
        *("effective_from", "effective_to", "quantity_or_quality", "polarity", "maturity_days"),
        *("has_event_basis", "has_cohort_basis", "has_channel", "has_rep", "has_team"),
        *("is_targetable", "sort_order", "statistic"),
    )
    return [
        Version(
            **{name: row[name] for name in same},
            name=text_of(row, "name"),
            numerator=measures.get(row["numerator_measure_id"]),
            denominator=measures.get(row["denominator_measure_id"]),
            sample=measures.get(row["sample_measure_id"]),
            distribution=distributions.get(row["distribution_id"]),
            definition=text_of(row, "definition"),
            rules=row["rules"] or "",
            owner=departments[row["owner_department"]],
            signoffs=_signoffs_of(row, departments, signed),
            change=text_of(row, "change"),
            change_reason=text_of(row, "change_reason"),
        )
        for row in rows
    ]


def _signoffs_of(
    row: Row,
    departments: Mapping[str, Department],
    signed: Mapping[tuple[str, int, str], date],
) -> tuple[Signoff, ...]:
    required = (row["required_signoffs"] or "").split("|")
    found = [
        Signoff(
            department,
            department.department_id in required,
            signed.get((row["kpi_id"], row["version"], department.department_id)),
        )
        for department in departments.values()
    ]
    return tuple(each for each in found if each.is_required or each.signed_on)


def _read_month(connection: duckdb.DuckDBPyConnection) -> Month | None:
    rows = _rows(
        connection,
        """
        select period_start, period_end
        from marts.kpi_by_period
        where basis = 'event' and period_grain = 'month' and is_complete
        order by period_start desc
        limit 1
        """,
    )
    return Month(rows[0]["period_start"], rows[0]["period_end"]) if rows else None


def _read_results(connection: duckdb.DuckDBPyConnection, month: Month) -> dict[str, Result]:
    rows = _rows(
        connection,
        """
        select *
        from marts.kpi_by_period
        where basis = 'event' and period_grain = 'month' and period_start = $first_day
        """,
        {"first_day": month.first_day},
    )
    same = ("numerator", "denominator", "value", "ci_low", "ci_high")
    return {
        row["kpi_id"]: Result(
            **{name: row[name] for name in same},
            is_small_sample=bool(row["is_small_sample"]),
            version=row["definition_version"],
            is_mixed_version=bool(row.get("is_mixed_version")),
        )
        for row in rows
    }


def _read_targets(connection: duckdb.DuckDBPyConnection, month: Month) -> dict[str, list[Row]]:
    """Targets by KPI: a row per department and channel; a channel of None is all of them."""
    rows = _rows(
        connection,
        """
        select kpi_id, department_id, nullif(channel_id, 'all') as channel_id, target_value
        from marts.fct_targets
        where is_in_force and month = $first_day
        order by kpi_id, department_id, channel_id, version
        """,
        {"first_day": month.first_day},
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["kpi_id"], []).append(row)
    return found


def _targets_of(
    version: Version, rows: Iterable[Row], departments: Mapping[str, Department]
) -> tuple[Target, ...]:
    """A target per department, the owner's first; a KPI that may not have any has none."""
    if not version.is_targetable:
        return ()
    by_department: dict[str | None, list[Row]] = {}
    for row in rows:
        by_department.setdefault(row["department_id"], []).append(row)
    order = [version.owner.department_id, *departments]

    def rank(department_id: str | None) -> tuple[int, str]:
        known = department_id in order
        return (order.index(department_id) if known else len(order), department_id or "")

    return tuple(
        _target(version, _department_name(each, departments), by_department[each])
        for each in sorted(by_department, key=rank)
    )


def _target(version: Version, department: Text, rows: Sequence[Row]) -> Target:
    for row in rows:
        if row["channel_id"] is None:
            return Target(department, row["target_value"], channels=0)
    if not version.is_added_up:
        return Target(department, None, channels=len(rows))
    return Target(department, sum(row["target_value"] for row in rows), channels=len(rows))


def _department_name(department_id: str | None, departments: Mapping[str, Department]) -> Text:
    if department_id in departments:
        return departments[department_id].name
    return Text(department_id or "–", department_id or "–")

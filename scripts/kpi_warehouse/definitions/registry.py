"""The definition registry as it stands in its CSV files; a bad cell is a problem, not a crash."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

AGREED, RETIRED, DRAFT = "agreed", "retired", "draft"
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*$")
# every KPI over a denominator or of a distribution is marked by it, whatever it counts
SMALL_SAMPLE_POLICY = "small_sample_below"
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Problem:
    """What is wrong with the registry: the rule, where, and what to do about it."""

    rule: str
    where: str
    message: str

    def __str__(self) -> str:
        """Return the line that a user reads."""
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class KpiVersion:
    """One row of kpi_definitions.csv: of measures, or a statistic of a distribution."""

    kpi_id: str
    version: int
    status: str
    effective_from: date
    effective_to: date | None
    numerator_measure_id: str
    denominator_measure_id: str
    sample_measure_id: str
    distribution_id: str
    statistic: str
    required_signoffs: tuple[str, ...]
    sort_order: int
    cells: dict[str, str] = field(hash=False)

    def __str__(self) -> str:
        """Return how messages name it."""
        return f"{self.kpi_id} version {self.version}"

    @property
    def is_draft(self) -> bool:
        """Whether it is a proposal, which nothing agreed depends on."""
        return self.status == DRAFT

    @property
    def last_day(self) -> date:
        """The last day whose events it counts; the end of time while it is open."""
        return self.effective_to or date.max

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures it is made of, each once."""
        named = (self.numerator_measure_id, self.denominator_measure_id, self.sample_measure_id)
        return tuple(dict.fromkeys(measure for measure in named if measure))

    def flag(self, column: str) -> bool:
        """Whether a column of true and false says true."""
        return self.cells[column] == "true"


@dataclass(frozen=True)
class SignOff:
    """One row of kpi_signoffs.csv."""

    kpi_id: str
    version: int
    department_id: str
    signed_on: date


@dataclass(frozen=True)
class Measure:
    """One row of measures.csv."""

    measure_id: str
    policy_ids: tuple[str, ...]
    source_fields: tuple[str, ...]
    cells: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Distribution:
    """One row of distributions.csv."""

    distribution_id: str
    maturity_days: int
    policy_ids: tuple[str, ...]
    source_fields: tuple[str, ...]
    cells: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class PolicyValue:
    """One row of kpi_policies.csv: what a policy says over a span of days."""

    policy_id: str
    value: str
    effective_from: date
    effective_to: date | None
    cells: dict[str, str]

    @property
    def last_day(self) -> date:
        """The last day on which it holds; the end of time while it is open."""
        return self.effective_to or date.max


@dataclass(frozen=True)
class Registry:
    """All of seeds/registry that says what a KPI is, in the order of the files."""

    versions: tuple[KpiVersion, ...]
    signoffs: tuple[SignOff, ...]
    departments: tuple[str, ...]
    measures: tuple[Measure, ...]
    distributions: tuple[Distribution, ...]
    policies: tuple[PolicyValue, ...]

    def by_kpi(self) -> dict[str, list[KpiVersion]]:
        """The versions of each KPI in the order of their numbers."""
        found: dict[str, list[KpiVersion]] = {}
        for version in sorted(self.versions, key=lambda item: (item.kpi_id, item.version)):
            found.setdefault(version.kpi_id, []).append(version)
        return found

    def by_policy(self) -> dict[str, list[PolicyValue]]:
        """The values of each policy in the order of their days."""
        found: dict[str, list[PolicyValue]] = {}
        for row in sorted(self.policies, key=lambda item: (item.policy_id, item.effective_from)):
            found.setdefault(row.policy_id, []).append(row)
        return found

    def measure(self, measure_id: str) -> Measure | None:
        """The measure of this id."""
        return next((row for row in self.measures if row.measure_id == measure_id), None)

    def distribution(self, distribution_id: str) -> Distribution | None:
        """The distribution of this id."""
        rows = (row for row in self.distributions if row.distribution_id == distribution_id)
        return next(rows, None)

    def missing_signoffs(self, version: KpiVersion) -> list[str]:
        """The departments that have to sign a version and have not."""
        signed = {
            row.department_id
            for row in self.signoffs
            if (row.kpi_id, row.version) == (version.kpi_id, version.version)
        }
        return [name for name in version.required_signoffs if name not in signed]

    def is_published(self, version: KpiVersion) -> bool:
        """Whether a version is agreed, now or once, by all who have to sign it."""
        return (
            version.status in (AGREED, RETIRED)
            and bool(version.required_signoffs)
            and not self.missing_signoffs(version)
        )

    def published(self) -> list[KpiVersion]:
        """The versions that reach the published tables, by KPI and number."""
        ordered = sorted(self.versions, key=lambda item: (item.kpi_id, item.version))
        return [version for version in ordered if self.is_published(version)]

    def policies_of(self, version: KpiVersion) -> list[str]:
        """The policies that decide what a version counts or how it is marked, by name."""
        is_of_cases = version.denominator_measure_id or version.distribution_id
        used = {SMALL_SAMPLE_POLICY} if is_of_cases else set()
        for measure_id in version.measures:
            if measure := self.measure(measure_id):
                used |= set(measure.policy_ids)
        if distribution := self.distribution(version.distribution_id):
            used |= set(distribution.policy_ids)
        return sorted(used)


class CellError(ValueError):
    """A cell that cannot be read; the message says what to write instead."""


def read_registry(folder: Path) -> tuple[Registry, list[Problem]]:
    """Read seeds/registry. With problems, the registry holds only the rows that can be read."""
    reader = _Reader(folder)
    registry = Registry(
        versions=tuple(reader.rows("kpi_definitions", VERSION_COLUMNS, _version)),
        signoffs=tuple(reader.rows("kpi_signoffs", SIGNOFF_COLUMNS, _signoff)),
        departments=tuple(reader.rows("kpi_departments", DEPARTMENT_COLUMNS, _department)),
        measures=tuple(reader.rows("measures", MEASURE_COLUMNS, _measure)),
        distributions=tuple(reader.rows("distributions", DISTRIBUTION_COLUMNS, _distribution)),
        policies=tuple(reader.rows("kpi_policies", POLICY_COLUMNS, _policy)),
    )
    return registry, reader.problems


def read_csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells of each row. Raises CellError if it is no table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            for cells in filter(None, reader):
                if len(cells) != len(header):
                    raise CellError(
                        f"line {reader.line_num} has {len(cells)} cells and the header "
                        f"{len(header)}: put text with a comma in double quotes"
                    )
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except FileNotFoundError:
        raise CellError("does not exist: put it back") from None
    except UnicodeDecodeError:
        raise CellError("is not UTF-8: save it as UTF-8") from None
    except csv.Error as error:
        raise CellError(f"is no CSV file ({error}): mend it") from None


Cells = dict[str, str]
FLAGS = (
    "has_event_basis",
    "has_cohort_basis",
    "is_subset_event",
    "is_subset_cohort",
    "has_channel",
    "has_rep",
    "has_team",
    "is_targetable",
)
VERSION_COLUMNS = (
    "kpi_id",
    "version",
    "status",
    "effective_from",
    "effective_to",
    "name_ja",
    "name_en",
    "numerator_measure_id",
    "denominator_measure_id",
    "sample_measure_id",
    "distribution_id",
    "statistic",
    "unit",
    *FLAGS,
    "maturity_days",
    "definition_ja",
    "definition_en",
    "owner_department",
    "required_signoffs",
    "sort_order",
)
SIGNOFF_COLUMNS = ("kpi_id", "version", "department_id", "signed_on")
DEPARTMENT_COLUMNS = ("department_id",)
MEASURE_COLUMNS = (
    "measure_id",
    "unit",
    "counts_ja",
    "counts_en",
    "policy_ids",
    "source_fields",
)
DISTRIBUTION_COLUMNS = (
    "distribution_id",
    "clock",
    "unit",
    "maturity_days",
    "counts_ja",
    "counts_en",
    "policy_ids",
    "source_fields",
)
POLICY_COLUMNS = (
    "policy_id",
    "policy_value",
    "effective_from",
    "effective_to",
    "allowed_values",
    "name_ja",
    "name_en",
)


@dataclass
class _Reader:
    folder: Path
    problems: list[Problem] = field(default_factory=list)

    def rows(self, seed: str, columns: tuple[str, ...], read: Callable[[Cells], object]) -> list:
        """The rows of a seed that can be read; what cannot becomes a problem each."""
        name = f"{seed}.csv"
        found = []
        is_empty = True
        try:
            for line, cells in read_csv(self.folder / name):
                is_empty = False
                if lacking := [column for column in columns if column not in cells]:
                    raise CellError(f"lacks the column {', '.join(lacking)}: add it")
                try:
                    found.append(read(cells))
                except CellError as error:
                    self._report(f"{name} line {line}", str(error))
        except CellError as error:
            self._report(name, str(error))
        else:
            if is_empty:
                self._report(name, "has no rows: a registry without them is a mistake")
        return found

    def _report(self, where: str, message: str) -> None:
        self.problems.append(Problem("registry_cells_are_readable", where, message))


def _version(cells: Cells) -> KpiVersion:
    for column in FLAGS:
        if cells[column] not in ("true", "false"):
            raise CellError(f"{column} is {cells[column]!r}: write true or false")
    for column in ("name_ja", "name_en", "definition_ja", "definition_en", "unit"):
        _text(cells, column)
    whole_number(cells, "maturity_days", 0)
    return KpiVersion(
        kpi_id=_id(cells, "kpi_id"),
        version=whole_number(cells, "version", 1),
        status=_text(cells, "status"),
        effective_from=_day(cells, "effective_from"),
        effective_to=optional_day(cells, "effective_to"),
        # of a statistic there is none; a rule says that it is one of the two
        numerator_measure_id=_optional_id(cells, "numerator_measure_id"),
        denominator_measure_id=cells["denominator_measure_id"],
        sample_measure_id=cells["sample_measure_id"],
        distribution_id=_optional_id(cells, "distribution_id"),
        statistic=cells["statistic"],
        required_signoffs=tuple(name for name in cells["required_signoffs"].split("|") if name),
        sort_order=whole_number(cells, "sort_order", 0),
        cells=cells,
    )


def _signoff(cells: Cells) -> SignOff:
    return SignOff(
        kpi_id=_text(cells, "kpi_id"),
        version=whole_number(cells, "version", 1),
        department_id=_text(cells, "department_id"),
        signed_on=_day(cells, "signed_on"),
    )


def _department(cells: Cells) -> str:
    return _id(cells, "department_id")


def _measure(cells: Cells) -> Measure:
    for column in ("unit", "counts_ja", "counts_en"):
        _text(cells, column)
    return Measure(
        measure_id=_id(cells, "measure_id"),
        policy_ids=tuple(cells["policy_ids"].split()),
        source_fields=tuple(cells["source_fields"].split()),
        cells=cells,
    )


def _distribution(cells: Cells) -> Distribution:
    for column in ("unit", "counts_ja", "counts_en"):
        _text(cells, column)
    return Distribution(
        distribution_id=_id(cells, "distribution_id"),
        maturity_days=whole_number(cells, "maturity_days", 0),
        policy_ids=tuple(cells["policy_ids"].split()),
        source_fields=tuple(cells["source_fields"].split()),
        cells=cells,
    )


def _policy(cells: Cells) -> PolicyValue:
    return PolicyValue(
        policy_id=_id(cells, "policy_id"),
        value=_text(cells, "policy_value"),
        effective_from=_day(cells, "effective_from"),
        effective_to=optional_day(cells, "effective_to"),
        cells=cells,
    )


def _text(cells: Cells, column: str) -> str:
    if not cells[column].strip():
        raise CellError(f"{column} is empty: fill it in")
    return cells[column]


def _id(cells: Cells, column: str) -> str:
    if not SNAKE_CASE.match(cells[column]):
        raise CellError(f"{column} is {cells[column]!r}: write it in snake_case")
    return cells[column]


def _optional_id(cells: Cells, column: str) -> str:
    return _id(cells, column) if cells[column] else ""


def whole_number(cells: Cells, column: str, least: int) -> int:
    """A cell as a whole number. Raises CellError if it is none or too small."""
    text = cells[column]
    if not re.fullmatch(r"[0-9]+", text) or int(text) < least:
        raise CellError(f"{column} is {text!r}: write a whole number from {least}")
    return int(text)


def optional_day(cells: Cells, column: str) -> date | None:
    """A cell as a date, None if it is empty. Raises CellError if it is no date."""
    return _day(cells, column) if cells[column] else None


def _day(cells: Cells, column: str) -> date:
    text = cells[column]
    try:
        # fromisoformat alone would take 20260401 and 2026-W14-3 as well
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise CellError(f"{column} is {text!r}: write a date as YYYY-MM-DD")

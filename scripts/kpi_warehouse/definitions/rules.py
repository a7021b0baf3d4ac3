"""The rules of the registry, on its CSV files alone: no dbt, no warehouse."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kpi_warehouse.yaml_file import read_yaml

from .mappings import Mapped, overlaps, read_mappings
from .registry import (
    AGREED,
    DRAFT,
    ONE_DAY,
    RETIRED,
    KpiVersion,
    PolicyValue,
    Problem,
    Registry,
    read_registry,
)

STATUSES = (DRAFT, AGREED, RETIRED)
OVER_A_DENOMINATOR = ("rate", "ratio", "days")
UNITS = ("count", "jpy", *OVER_A_DENOMINATOR)
# what is computed of a distribution: of finished cases, and of all of them (by cohort only)
STATISTICS = ("median", "p90")
STATISTICS_OF_ALL = ("km_median",)
# what makes a KPI this KPI: with another value it would be another one, with its own id
KIND = (
    "unit",
    "statistic",
    "has_event_basis",
    "has_cohort_basis",
    "has_channel",
    "has_rep",
    "has_team",
    "sort_order",
)
RANGE = re.compile(r"(\d+)-(\d+)$")


@dataclass(frozen=True)
class RegistryFiles:
    """What the rules read: the registry, the mappings beside it, and two facts of the project.

    problems: what could not be read, which the rules about the rest do not see
    calendar_start: the first day of the calendar
    policy_ids: the policies that the models know
    """

    registry: Registry
    mappings: dict[str, Mapped]
    problems: tuple[Problem, ...]
    calendar_start: date
    policy_ids: tuple[str, ...]


def read_files(folder: Path) -> RegistryFiles:
    """Read seeds/registry, the seeds/mappings beside it and the project's constants."""
    registry, problems = read_registry(folder)
    mappings, more = read_mappings(folder.parent / "mappings")
    return RegistryFiles(
        registry=registry,
        mappings=mappings,
        problems=(*problems, *more),
        calendar_start=_calendar_start(folder.parent.parent / "dbt_project.yml"),
        policy_ids=tuple(_known_policies(folder / "_registry__seeds.yml")),
    )


def registry_problems(folder: Path) -> list[str]:
    """A line per problem of seeds/registry and the mappings beside it; empty if all is well."""
    files = read_files(folder)
    found = files.problems or [problem for rule in RULES for problem in rule(files)]
    return [str(problem) for problem in found]


Rule = Callable[[RegistryFiles], Iterator[Problem]]


def registry_cells_are_readable(files: RegistryFiles) -> Iterator[Problem]:
    """Every file is a table, every date a date, every flag true or false, every id snake_case."""
    yield from (item for item in files.problems if item.rule == "registry_cells_are_readable")


def registry_ids_are_unique(files: RegistryFiles) -> Iterator[Problem]:
    """A KPI has each version once, and everything else its id once."""
    registry = files.registry
    keys = {
        "kpi_definitions.csv": [str(row) for row in registry.versions],
        "kpi_signoffs.csv": [
            f"{row.kpi_id} version {row.version} {row.department_id}" for row in registry.signoffs
        ],
        "kpi_departments.csv": list(registry.departments),
        "measures.csv": [row.measure_id for row in registry.measures],
        "distributions.csv": [row.distribution_id for row in registry.distributions],
        "kpi_policies.csv": [f"{row.policy_id} {row.effective_from}" for row in registry.policies],
    }
    for where, found in keys.items():
        for key, count in sorted(Counter(found).items()):
            if count > 1:
                message = f"{key} stands there {count} times: remove what is too much"
                yield Problem("registry_ids_are_unique", where, message)


def versions_follow_each_other(files: RegistryFiles) -> Iterator[Problem]:
    """Versions are numbered from 1; what was agreed follows without gap or overlap."""
    rule = "versions_follow_each_other"
    for kpi_id, versions in files.registry.by_kpi().items():
        numbers = [version.version for version in versions]
        if numbers != list(range(1, len(numbers) + 1)):
            shown = ", ".join(map(str, numbers))
            yield Problem(
                rule, kpi_id, f"its versions are {shown}: number them 1 to {len(numbers)}"
            )
        for version in versions:
            yield from (Problem(rule, str(version), text) for text in _of_one(version))
        drafts = [version for version in versions if version.is_draft]
        if len(drafts) > 1:
            shown = " and ".join(str(draft.version) for draft in drafts)
            yield Problem(rule, kpi_id, f"versions {shown} are drafts: keep one proposal at a time")
        elif drafts and drafts[0].version < numbers[-1]:
            yield Problem(
                rule,
                str(drafts[0]),
                f"is a draft below version {numbers[-1]}: number the draft last, or remove it",
            )
        agreed = [version for version in versions if not version.is_draft]
        for before, after in itertools.pairwise(agreed):
            if text := _between(before, after):
                yield Problem(rule, kpi_id, text)


def _of_one(version: KpiVersion) -> Iterator[str]:
    if version.status not in STATUSES:
        yield f"status is {version.status!r}: write {', '.join(STATUSES)}"
    if version.effective_to and version.effective_to < version.effective_from:
        yield (
            f"ends on {version.effective_to} before it begins on {version.effective_from}: "
            "mend effective_to"
        )
    if version.status == RETIRED and not version.effective_to:
        yield "is retired and has no end: set effective_to to its last day"


def _between(before: KpiVersion, after: KpiVersion) -> str | None:
    """What is wrong between two versions that follow each other."""
    day_before = after.effective_from - ONE_DAY
    if before.effective_to is None:
        return (
            f"version {before.version} is open while version {after.version} begins on "
            f"{after.effective_from}: set effective_to of version {before.version} to {day_before}"
        )
    if before.effective_to > day_before:
        return (
            f"versions {before.version} and {after.version} overlap from {after.effective_from} "
            f"to {before.effective_to}: set effective_to of version {before.version} to "
            f"{day_before}, or begin version {after.version} on {before.effective_to + ONE_DAY}"
        )
    if before.effective_to < day_before:
        return (
            f"no version holds from {before.effective_to + ONE_DAY} to {day_before}, between "
            f"versions {before.version} and {after.version}: set effective_to of version "
            f"{before.version} to {day_before}"
        )
    return None


def versions_keep_their_kind(files: RegistryFiles) -> Iterator[Problem]:
    """Versions of a KPI have one unit, one set of bases and dimensions; no two look the same."""
    rule = "versions_keep_their_kind"
    by_kpi = files.registry.by_kpi()
    for versions in by_kpi.values():
        for before, after in itertools.pairwise(versions):
            for column in KIND:
                if before.cells[column] != after.cells[column]:
                    yield Problem(
                        rule,
                        str(after),
                        f"{column} is {after.cells[column]}, in version {before.version} "
                        f"{before.cells[column]}: keep it, or give the other KPI an id of its own",
                    )
            if bool(before.denominator_measure_id) != bool(after.denominator_measure_id):
                yield Problem(
                    rule,
                    str(after),
                    "has a denominator in one version and none in the other: give the other KPI "
                    "an id of its own",
                )
    for column in ("sort_order", "name_ja", "name_en"):
        owners: dict[str, list[str]] = defaultdict(list)
        for kpi_id, versions in by_kpi.items():
            for value in {version.cells[column] for version in versions}:
                owners[value].append(kpi_id)
        for value, kpi_ids in sorted(owners.items()):
            if len(kpi_ids) > 1:
                yield Problem(
                    rule,
                    " and ".join(kpi_ids),
                    f"have the same {column} {value}: give each its own",
                )


def versions_are_signed(files: RegistryFiles) -> Iterator[Problem]:
    """What is agreed has every sign-off it requires, of departments that exist."""
    rule = "versions_are_signed"
    registry = files.registry
    known = set(registry.departments)
    listed = ", ".join(registry.departments)
    for version in registry.versions:
        where = str(version)
        if not version.required_signoffs:
            yield Problem(rule, where, "required_signoffs is empty: name who has to sign it")
        for name in sorted(set(version.required_signoffs) - known):
            yield Problem(rule, where, f"requires the sign-off of {name}: known are {listed}")
        owner = version.cells["owner_department"]
        if owner not in known:
            yield Problem(rule, where, f"is owned by {owner or 'nobody'}: known are {listed}")
        missing = registry.missing_signoffs(version)
        if missing and not version.is_draft:
            yield Problem(
                rule,
                where,
                f"is {version.status} without the sign-off of {', '.join(missing)}: add the row to "
                "kpi_signoffs.csv when they have signed; until then its status is draft",
            )
    versions = {(version.kpi_id, version.version) for version in registry.versions}
    for row in registry.signoffs:
        where = f"kpi_signoffs.csv {row.kpi_id} version {row.version} {row.department_id}"
        if (row.kpi_id, row.version) not in versions:
            yield Problem(rule, where, "signs a version that does not exist: mend or remove it")
        if row.department_id not in known:
            yield Problem(rule, where, f"is no known department: known are {listed}")


def measures_exist_and_are_used(files: RegistryFiles) -> Iterator[Problem]:
    """Every measure a KPI names is in measures.csv, and every measure there serves a KPI."""
    rule = "measures_exist_and_are_used"
    registry = files.registry
    known = {measure.measure_id for measure in registry.measures}
    used: set[str] = set()
    for version in registry.versions:
        used |= set(version.measures)
        for measure_id in version.measures:
            if measure_id not in known:
                yield Problem(
                    rule,
                    str(version),
                    f"names the unknown measure {measure_id}: add it to measures.csv, or mend "
                    "the name",
                )
    policies = set(registry.by_policy())
    for measure in registry.measures:
        if measure.measure_id not in used:
            yield Problem(
                rule,
                measure.measure_id,
                "no KPI uses this measure: remove it, or define the KPI (a draft will do)",
            )
        for policy_id in sorted(set(measure.policy_ids) - policies):
            yield Problem(
                rule,
                measure.measure_id,
                f"names the unknown policy {policy_id}: known are {', '.join(sorted(policies))}",
            )
        if not measure.source_fields:
            yield Problem(
                rule,
                measure.measure_id,
                "source_fields is empty: name the fields of the extracts that decide it",
            )


def kpis_are_counts_or_statistics(files: RegistryFiles) -> Iterator[Problem]:
    """A KPI is either made of measures or a statistic of one distribution, and says which."""
    rule = "kpis_are_counts_or_statistics"
    registry = files.registry
    known = ", ".join(row.distribution_id for row in registry.distributions)
    listed = ", ".join((*STATISTICS, *STATISTICS_OF_ALL))
    for version in registry.versions:
        where = str(version)
        if bool(version.numerator_measure_id) == bool(version.distribution_id):
            named = (
                "both a numerator_measure_id and"
                if version.distribution_id
                else "neither a numerator_measure_id nor"
            )
            yield Problem(rule, where, f"names {named} a distribution_id: name one of them")
        elif not version.distribution_id:
            if version.statistic:
                message = f"is the {version.statistic} of no distribution: name distribution_id"
                yield Problem(rule, where, f"{message}, or leave statistic empty")
        else:
            yield from (
                Problem(rule, where, text)
                for text in _of_statistic(version, registry, known, listed)
            )
    policies = set(registry.by_policy())
    for row in registry.distributions:
        for policy_id in sorted(set(row.policy_ids) - policies):
            yield Problem(
                rule,
                row.distribution_id,
                f"names the unknown policy {policy_id}: known are {', '.join(sorted(policies))}",
            )
        if not row.source_fields:
            yield Problem(
                rule,
                row.distribution_id,
                "source_fields is empty: name the fields of the extracts that decide it",
            )


def _of_statistic(
    version: KpiVersion, registry: Registry, known: str, listed: str
) -> Iterator[str]:
    """What is wrong with a KPI that is a statistic."""
    if version.measures:
        yield "is a statistic over a measure: leave the measures empty"
    if version.statistic not in (*STATISTICS, *STATISTICS_OF_ALL):
        yield f"statistic is {version.statistic or 'empty'}: write {listed}"
    distribution = registry.distribution(version.distribution_id)
    if distribution is None:
        yield f"names the unknown distribution {version.distribution_id}: known are {known}"
        return
    if version.cells["unit"] != distribution.cells["unit"]:
        yield (
            f"unit is {version.cells['unit']}, that of its distribution "
            f"{distribution.cells['unit']}: write the same"
        )
    if int(version.cells["maturity_days"]) != distribution.maturity_days:
        yield (
            f"maturity_days is {version.cells['maturity_days']}, that of its distribution "
            f"{distribution.maturity_days}: write the same"
        )
    for basis in ("event", "cohort"):
        if version.flag(f"is_subset_{basis}"):
            yield f"is_subset_{basis} is true: a statistic has no numerator, write false"
    if version.statistic in STATISTICS_OF_ALL and version.flag("has_event_basis"):
        yield (
            f"has_event_basis is true: {version.statistic} counts what has not happened, which no "
            "event dates; write false"
        )


def rates_have_a_denominator(files: RegistryFiles) -> Iterator[Problem]:
    """A rate or ratio has a denominator and a sample, a count or an amount has neither."""
    rule = "rates_have_a_denominator"
    for version in files.registry.versions:
        unit = version.cells["unit"]
        where = str(version)
        if version.distribution_id:
            # its unit is that of its distribution, as a rule of its own says
            continue
        if unit not in UNITS:
            yield Problem(rule, where, f"unit is {unit!r}: write {', '.join(UNITS)}")
        elif unit in OVER_A_DENOMINATOR:
            if not version.denominator_measure_id:
                yield Problem(
                    rule, where, f"is a {unit} without a denominator: name denominator_measure_id"
                )
            if not version.sample_measure_id:
                yield Problem(
                    rule,
                    where,
                    f"is a {unit} without sample_measure_id: name the measure that says how many "
                    "cases it rests on",
                )
        elif version.denominator_measure_id:
            yield Problem(rule, where, f"is a {unit} over a denominator: its unit is rate or ratio")


def policies_hold_at_all_times(files: RegistryFiles) -> Iterator[Problem]:
    """A policy has one allowed value on every day of the calendar."""
    rule = "policies_hold_at_all_times"
    by_policy = files.registry.by_policy()
    for policy_id in files.policy_ids:
        if policy_id not in by_policy:
            message = "has no value, and models read it: add its row"
            yield Problem(rule, f"kpi_policies.csv {policy_id}", message)
    for policy_id, rows in by_policy.items():
        where = f"kpi_policies.csv {policy_id}"
        if files.policy_ids and policy_id not in files.policy_ids:
            known = ", ".join(files.policy_ids)
            yield Problem(rule, where, f"is read by no model: known are {known}")
        for text in _gaps(rows, files.calendar_start):
            yield Problem(rule, where, text)
        for row in rows:
            if not _is_allowed(row):
                yield Problem(
                    rule,
                    where,
                    f"is {row.value} from {row.effective_from}: allowed is "
                    f"{row.cells['allowed_values']}",
                )
        for column in ("allowed_values", "name_ja", "name_en"):
            if len({row.cells[column] for row in rows}) > 1:
                yield Problem(rule, where, f"{column} differs between its rows: write one")


def _gaps(rows: list[PolicyValue], calendar_start: date) -> Iterator[str]:
    """What is wrong with the days of a policy's values."""
    if rows[0].effective_from > calendar_start:
        yield (
            f"has no value before {rows[0].effective_from}: begin its first row on "
            f"{calendar_start}, where the calendar begins"
        )
    for row in rows:
        if row.last_day < row.effective_from:
            yield (
                f"ends on {row.effective_to} before it begins on {row.effective_from}: mend "
                "effective_to"
            )
    for before, after in itertools.pairwise(rows):
        day_before = after.effective_from - ONE_DAY
        if before.last_day > day_before:
            yield (
                f"has two values on {after.effective_from}: set effective_to of the earlier one "
                f"to {day_before}"
            )
        elif before.last_day < day_before:
            yield (
                f"has no value from {before.last_day + ONE_DAY} to {day_before}: set effective_to "
                f"of the earlier one to {day_before}"
            )
    if rows[-1].effective_to is not None:
        yield (
            f"has no value after {rows[-1].effective_to}: leave effective_to of its last row empty"
        )


def _is_allowed(row: PolicyValue) -> bool:
    allowed = row.cells["allowed_values"]
    if span := RANGE.match(allowed):
        is_number = re.fullmatch(r"\d+", row.value) is not None
        return is_number and int(span[1]) <= int(row.value) <= int(span[2])
    return row.value in allowed.split("|")


def policies_change_with_versions(files: RegistryFiles) -> Iterator[Problem]:
    """A policy changes its value only where the KPIs that use it begin a new version."""
    registry = files.registry
    by_policy = registry.by_policy()
    for version in registry.published():
        for policy_id in registry.policies_of(version):
            for before, after in itertools.pairwise(by_policy.get(policy_id, [])):
                day = after.effective_from
                if before.value == after.value:
                    continue
                if version.effective_from < day <= version.last_day:
                    yield Problem(
                        "policies_change_with_versions",
                        str(version),
                        f"policy {policy_id} becomes {after.value} on {day}, while this version "
                        f"is in force: {new_version(version, day)}",
                    )


def new_version(version: KpiVersion, day: date) -> str:
    """What to do when something that a version rests on changes on a day."""
    return (
        f"set effective_to of version {version.version} to {day - ONE_DAY} and add version "
        f"{version.version + 1} from {day} with its sign-offs"
    )


def mapping_rows_do_not_overlap(files: RegistryFiles) -> Iterator[Problem]:
    """A code of a mapping means one thing on each day."""
    yield from (item for item in files.problems if item.rule == "mapping_rows_do_not_overlap")
    yield from overlaps(files.mappings)


RULES: tuple[Rule, ...] = (
    registry_cells_are_readable,
    registry_ids_are_unique,
    versions_follow_each_other,
    versions_keep_their_kind,
    versions_are_signed,
    measures_exist_and_are_used,
    kpis_are_counts_or_statistics,
    rates_have_a_denominator,
    policies_hold_at_all_times,
    policies_change_with_versions,
    mapping_rows_do_not_overlap,
)


def _known_policies(path: Path) -> list[str]:
    """The policies that the seed's own description allows; none if it says nothing."""
    if not path.is_file():
        return []
    for seed in read_yaml(path).get("seeds") or []:
        for column in seed.get("columns") or []:
            if (seed["name"], column["name"]) == ("kpi_policies", "policy_id"):
                for test in column.get("data_tests") or []:
                    if isinstance(test, dict) and "accepted_values" in test:
                        return test["accepted_values"]["arguments"]["values"]
    return []


def _calendar_start(path: Path) -> date:
    """The first day of the calendar; without a project file, so late that every row precedes it."""
    if not path.is_file():
        return date.max
    constants = read_yaml(path).get("vars") or {}
    return date.fromisoformat(str(constants["calendar_start"]))

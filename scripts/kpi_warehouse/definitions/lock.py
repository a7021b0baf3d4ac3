"""The lock: what was agreed when it was agreed, in reviewed files beside the registry.

definitions.lock.json holds each published KPI version (its columns, the values of its policies),
the measures and distributions (a digest of the part of the compiled SQL that is theirs) and the
models below them.
mappings.lock.json holds a digest of the meaning of each code of each mapping.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from kpi_warehouse.errors import UserError

from .agreement import Agreement
from .mappings import Meaning, Timeline, change_days, within
from .registry import ONE_DAY, KpiVersion

DEFINITIONS = "definitions.lock.json"
MAPPINGS = "mappings.lock.json"
SAME_MEANING = 'python scripts/definitions.py --same-meaning "why"'
_ABOUT = (
    "What the departments have agreed on, as it was then. Written by `make definitions`; reviewed, "
    "never edited. A difference to the registry or to the models is a change of meaning."
)
# columns that a reader reads and no number depends on
WORDS = {
    "name_ja",
    "name_en",
    "phase",
    "quantity_or_quality",
    "polarity",
    "definition_ja",
    "definition_en",
    "rules",
    "owner_department",
}
_CODES_SHOWN = 5


@dataclass
class Lock:
    """The content of both files; see Agreement for what its parts are."""

    kpis: dict[str, dict[str, dict[str, dict[str, str]]]] = field(default_factory=dict)
    measures: dict[str, dict[str, str]] = field(default_factory=dict)
    distributions: dict[str, dict[str, str]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    mappings: dict[str, dict[str, Timeline]] = field(default_factory=dict)
    same_meaning: list[dict[str, Any]] = field(default_factory=list)

    def entries(self) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
        """Yield each locked version, as messages name it, and what is locked of it."""
        for kpi_id, versions in self.kpis.items():
            for number, entry in versions.items():
                yield f"{kpi_id} version {number}", entry


@dataclass(frozen=True)
class Change:
    """A difference between what is locked and what is there.

    where, what, mend: the parts of its message
    label: what changed in a few words
    may_mean_the_same: whether a reason is enough to lock it anew
    """

    where: str
    what: str
    mend: str
    label: str
    may_mean_the_same: bool = False

    def __str__(self) -> str:
        """Return the line that a user reads."""
        return f"{self.where}: {self.message}"

    @property
    def message(self) -> str:
        """What changed, and what to do."""
        same = (
            f"; where every number stays as it is (another way to write it): {SAME_MEANING}"
            if self.may_mean_the_same
            else ""
        )
        return f"{self.what}: {self.mend}{same}"


def read_lock(folder: Path) -> Lock:
    """Read both files; absent ones are empty. Raises UserError if one is no lock."""
    content = _read(folder / DEFINITIONS)
    mappings = _read(folder / MAPPINGS)
    try:
        return Lock(
            kpis={
                kpi_id: {
                    number: {part: dict(entry[part]) for part in ("definition", "policies")}
                    for number, entry in versions.items()
                }
                for kpi_id, versions in content.get("kpis", {}).items()
            },
            measures={name: dict(entry) for name, entry in content.get("measures", {}).items()},
            distributions={
                name: dict(entry) for name, entry in content.get("distributions", {}).items()
            },
            models=dict(content.get("models", {})),
            mappings={
                seed: {code: _timeline(entry) for code, entry in codes.items()}
                for seed, codes in mappings.items()
            },
            same_meaning=list(content.get("same_meaning", [])),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _no_lock(folder, error) from error


def write_lock(folder: Path, lock: Lock) -> None:
    """Write both files, sorted, one fact a line."""
    content = {
        "about": _ABOUT,
        "kpis": lock.kpis,
        "measures": lock.measures,
        "distributions": lock.distributions,
        "models": lock.models,
        "same_meaning": lock.same_meaning,
    }
    mappings = {
        seed: {code: _written(timeline) for code, timeline in codes.items()}
        for seed, codes in lock.mappings.items()
    }
    for name, shown in ((DEFINITIONS, content), (MAPPINGS, mappings)):
        text = json.dumps(shown, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / name).write_text(f"{text}\n", "utf-8")


def locked(agreement: Agreement, before: Lock) -> Lock:
    """The lock of what is agreed now, with the record of what was said to mean the same."""
    kpis: dict[str, dict[str, dict[str, dict[str, str]]]] = defaultdict(dict)
    for version in agreement.versions:
        kpis[version.kpi_id][str(version.version)] = {
            "definition": agreement.definitions[str(version)],
            "policies": agreement.policies[str(version)],
        }
    return Lock(
        kpis=dict(kpis),
        measures=agreement.measures,
        distributions=agreement.distributions,
        models=agreement.models,
        mappings={seed: dict(codes) for seed, codes in agreement.mappings.items()},
        same_meaning=before.same_meaning,
    )


def not_locked(lock: Lock, agreement: Agreement) -> list[str]:
    """The published versions that the lock does not hold yet."""
    known = {name for name, _ in lock.entries()}
    return [str(version) for version in agreement.versions if str(version) not in known]


def changes(lock: Lock, agreement: Agreement) -> list[Change]:
    """What differs from what is locked, and what no version may rest on; empty if all is well."""
    return [
        *_defects(agreement),
        *_changed_definitions(lock, agreement),
        *_changed_measures(lock, agreement),
        *_changed_distributions(lock, agreement),
        *_changed_models(lock, agreement),
        *_changed_mappings(lock, agreement),
    ]


def _defects(agreement: Agreement) -> Iterator[Change]:
    """What cannot be locked at all."""
    for measure_id in agreement.not_computed:
        versions = [version for version in agreement.versions if measure_id in version.measures]
        yield Change(
            f"measure {measure_id}",
            f"no model computes it; on it rests {_shown(versions, agreement)}",
            "add its line to a model of models/intermediate/measures",
            measure_id,
        )
    for distribution_id in agreement.not_observed:
        versions = agreement.of_distribution(distribution_id)
        yield Change(
            f"distribution {distribution_id}",
            f"no model observes it; on it rests {_shown(versions, agreement)}",
            "add a model of models/intermediate/durations, and it to int_observations",
            distribution_id,
        )
    for policy_id in agreement.unknown_policies:
        yield Change(
            f"policy {policy_id}",
            "models read it and the registry does not have it",
            "add its row to kpi_policies.csv",
            policy_id,
        )


def _changed_definitions(lock: Lock, agreement: Agreement) -> Iterator[Change]:
    published = {str(version): version for version in agreement.versions}
    for name, entry in lock.entries():
        version = published.get(name)
        if version is None:
            yield Change(
                name,
                "was agreed and is not published any more (its row, its status or a sign-off)",
                "put it back; a definition that is given up keeps its row and gets status retired "
                "and effective_to",
                name,
            )
            continue
        mend = (
            f"put it back, or end version {version.version} (effective_to) the day before the "
            f"change and add version {version.version + 1} with its sign-offs"
        )
        now = agreement.definitions[name]
        for column, before in entry["definition"].items():
            # an open version may be ended
            if column == "effective_to" and not before:
                continue
            after = now.get(column, "")
            if before != after:
                yield Change(
                    name,
                    f"{column} was {before or 'empty'} and is {after or 'empty'}",
                    mend,
                    f"{name} {column}",
                    may_mean_the_same=column in WORDS,
                )
        for policy_id, before in entry["policies"].items():
            after = agreement.policies[name].get(policy_id)
            if after is None:
                yield Change(
                    name,
                    f"its measures do not name the policy {policy_id} any more (measures.csv)",
                    mend,
                    f"{name} {policy_id}",
                    may_mean_the_same=True,
                )
            elif before != after:
                yield Change(
                    name,
                    f"policy {policy_id} was {before} and is {after}",
                    f"put it back; another value gets a row of its own from the day on which it "
                    f"holds, and then also end version {version.version} the day before and add "
                    f"version {version.version + 1} with its sign-offs",
                    f"{name} {policy_id}",
                )


def _changed_measures(lock: Lock, agreement: Agreement) -> Iterator[Change]:
    mend = (
        "put it back, give what is to be counted now a measure of its own, and use that in a new "
        "version of the KPI with its sign-offs"
    )
    yield from _changed_rows("measure", lock.measures, agreement.measures, agreement, mend)


def _changed_distributions(lock: Lock, agreement: Agreement) -> Iterator[Change]:
    mend = (
        "put it back, give what is to be observed now a distribution of its own, and use that in "
        "a new version of the KPI with its sign-offs"
    )
    yield from _changed_rows(
        "distribution", lock.distributions, agreement.distributions, agreement, mend
    )


def _changed_rows(
    kind: str,
    before: dict[str, dict[str, str]],
    after: dict[str, dict[str, str]],
    agreement: Agreement,
    mend: str,
) -> Iterator[Change]:
    """What changed of what is locked of measures or distributions."""
    for name, was in before.items():
        now = after.get(name)
        if now is None:
            # its KPIs say the rest
            continue
        versions = agreement.resting_on(kind, name)
        parts = [part for part in was if was[part] != now.get(part)]
        if parts:
            what = " and ".join("its SQL" if part == "sql" else part for part in parts)
            yield Change(
                f"{kind} {name}",
                f"{what} changed; on it rests {_shown(versions, agreement)}",
                mend,
                f"{kind} {name}",
                may_mean_the_same=True,
            )


def _changed_models(lock: Lock, agreement: Agreement) -> Iterator[Change]:
    groups: dict[tuple[KpiVersion, ...], list[str]] = defaultdict(list)
    for name, before in lock.models.items():
        if name not in agreement.known_models:
            groups[()].append(name)
        elif agreement.models.get(name, before) != before:
            groups[agreement.resting_on("model", name)].append(name)
    for versions, names in groups.items():
        shown = ", ".join(names)
        what = (
            f"compiled SQL changed; on it rests {_shown(versions, agreement)}"
            if versions
            else "is gone, and agreed definitions rested on it"
        )
        yield Change(
            f"model {shown}",
            what,
            "put it back, or let the change begin on a day: what is counted from then on is a "
            "measure of its own, used in a new version of these KPIs with its sign-offs",
            f"model {shown}",
            may_mean_the_same=True,
        )


def _changed_mappings(lock: Lock, agreement: Agreement) -> Iterator[Change]:
    entries = {name for name, _ in lock.entries()}
    inside: dict[tuple[str, date, tuple[KpiVersion, ...]], list[str]] = defaultdict(list)
    changed: dict[tuple[str, tuple[KpiVersion, ...]], list[str]] = defaultdict(list)
    for seed in sorted(set(lock.mappings) | set(agreement.mappings)):
        versions = agreement.resting_on("mapping", seed)
        before, now = lock.mappings.get(seed, {}), agreement.mappings.get(seed, {})
        for code, timeline in now.items():
            for day in change_days(timeline):
                during = tuple(
                    item for item in versions if item.effective_from < day <= item.last_day
                )
                if during:
                    inside[seed, day, during].append(code)
        reported = {
            code for (named, _, _), codes in inside.items() if named == seed for code in codes
        }
        for code, timeline in before.items():
            if code in reported or now.get(code) == timeline:
                continue
            different = tuple(
                item
                for item in versions
                if str(item) in entries
                and within(timeline, item.effective_from, item.last_day)
                != within(now.get(code, ()), item.effective_from, item.last_day)
            )
            if different:
                changed[seed, different].append(code)
    for (seed, day, versions), codes in inside.items():
        yield Change(
            f"mapping {seed}",
            f"{_listed(codes)} changes its meaning on {day}; on it rests "
            f"{_shown(versions, agreement)}, in force then",
            f"set effective_to of these versions to {day - ONE_DAY} and add their next ones from "
            f"{day} with their sign-offs",
            f"{seed} {_listed(codes)}",
        )
    for (seed, versions), codes in changed.items():
        yield Change(
            f"mapping {seed}",
            f"{_listed(codes)} changed its meaning or was removed; on it rests "
            f"{_shown(versions, agreement)}",
            "put it back; a code that is to mean something else from a day on keeps its row up to "
            "the day before (valid_to) and gets a second one (valid_from), with a new version of "
            "these KPIs from that day",
            f"{seed} {_listed(codes)}",
            may_mean_the_same=True,
        )


def _shown(versions: Iterable[KpiVersion], agreement: Agreement) -> str:
    """The names of versions, or that they are all."""
    found = list(versions)
    if len(found) == len(agreement.versions) > 1:
        return "every published KPI"
    return ", ".join(f"{version.kpi_id} v{version.version}" for version in found) or "no KPI"


def _listed(codes: list[str]) -> str:
    shown = ", ".join(repr(code) for code in codes[:_CODES_SHOWN])
    more = len(codes) - _CODES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _no_lock(path, error) from error
    if not isinstance(content, dict):
        raise _no_lock(path, "it holds no keys")
    return content


def _no_lock(where: Path, reason: object) -> UserError:
    return UserError(
        f"is no lock ({type(reason).__name__}: {reason})"
        if isinstance(reason, Exception)
        else f"is no lock ({reason})",
        where,
        "take it from version control",
    )


def _timeline(entry: str | list[list[str]]) -> Timeline:
    if isinstance(entry, str):
        return (Meaning(date.min, date.max, entry),)
    return tuple(
        Meaning(
            date.fromisoformat(first) if first else date.min,
            date.fromisoformat(last) if last else date.max,
            meaning,
        )
        for first, last, meaning in entry
    )


def _written(timeline: Timeline) -> str | list[list[str]]:
    """A meaning without dates is one word; others are first day, last day and meaning each."""
    if len(timeline) == 1 and (timeline[0].first_day, timeline[0].last_day) == (date.min, date.max):
        return timeline[0].digest
    return [
        [
            "" if row.first_day == date.min else row.first_day.isoformat(),
            "" if row.last_day == date.max else row.last_day.isoformat(),
            row.digest,
        ]
        for row in timeline
    ]

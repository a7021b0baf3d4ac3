"""What was agreed when a version was published, and what has changed since in the agreement."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kpi_warehouse.definitions.agreement import NOT_LOCKED
from kpi_warehouse.definitions.lineage import CHANNEL_MAPPINGS, MAPPED_FIELDS, MAPPED_POLICIES
from kpi_warehouse.definitions.lock import WORDS, read_lock
from kpi_warehouse.definitions.mappings import Meaning
from kpi_warehouse.definitions.registry import SMALL_SAMPLE_POLICY, KpiVersion, Registry
from kpi_warehouse.definitions.rules import read_files
from kpi_warehouse.publishing.facts import FACT_OF_OBJECT

# Mappings that decide all of an object of the extracts, and not a field of it: which record is
# what. They can also make rows of facts, or take them away.
MAPPED_OBJECTS = {
    "activity_types": {"appointments", "calls", "emails", "touches"},
    "call_types": {"calls"},
    "email_kinds": {"emails", "email_events"},
    "history_fields": {"leads", "lead_status_history", "permissions"},
}
ROW_MAKING = {*MAPPED_OBJECTS, "call_outcomes"}
# mappings of words beside the KPIs, on which no value rests
NO_KPI = {"loss_reasons", "reasons", "rejection_reasons"}
# how a value is marked, not what it is
_MARKS = {SMALL_SAMPLE_POLICY}
_NOT_MEANING = {*WORDS, *NOT_LOCKED, "effective_to", "required_signoffs"}
ONE_DAY = timedelta(days=1)

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Differences:
    """What changed in the agreement from one publication to the next.

    definitions: (kpi_id, version) whose meaning is another one
    policies: (kpi_id, first day, last day) on which a policy of the KPI has another value
    mappings: (kpi_id, is of the channel, makes rows, first day, last day) on which a code that the
        KPI rests on means something else
    facts: (kpi_id, fact): the facts that the KPI is counted from
    is_computed_anew: whether models that KPIs rest on have changed
    """

    definitions: frozenset[tuple[str, int]]
    policies: frozenset[tuple[str, str, str]]
    mappings: frozenset[tuple[str, bool, bool, str, str]]
    facts: frozenset[tuple[str, str]]
    is_computed_anew: bool


def agreement_of(registry: Path, as_of: date, restates_history: bool) -> dict[str, Any]:
    """What is agreed now, as a publication keeps it.

    Args:
        registry: the folder of the registry, with the mappings beside it.
        as_of: the last day that is in.
        restates_history: whether all of history is counted by what is agreed on that day.
    """
    files = read_files(registry)
    lock = read_lock(registry)

    def kept(timeline: Iterable[Meaning]) -> list[list[str]]:
        rows = list(timeline)
        if restates_history:
            rows = [
                Meaning(date.min, date.max, row.digest)
                for row in rows
                if row.first_day <= as_of <= row.last_day
            ]
        return [[f"{row.first_day}", f"{row.last_day}", row.digest] for row in rows]

    return {
        "kpis": {
            kpi_id: {
                str(version.version): _kept_version(files.registry, version)
                for version in versions
                if files.registry.is_published(version)
            }
            for kpi_id, versions in files.registry.by_kpi().items()
        },
        "policies": {
            policy_id: kept(Meaning(row.effective_from, row.last_day, row.value) for row in rows)
            for policy_id, rows in files.registry.by_policy().items()
        },
        "mappings": {
            seed: {code: kept(timeline) for code, timeline in codes.items()}
            for seed, codes in files.mappings.items()
        },
        "sql": {
            "measures": {name: entry.get("sql", "") for name, entry in lock.measures.items()},
            "distributions": {
                name: entry.get("sql", "") for name, entry in lock.distributions.items()
            },
            "models": lock.models,
        },
    }


def differences(before: Content, now: Content) -> Differences:
    """What changed in the agreement from one publication to the next."""
    kpis = [
        (kpi_id, version, entry)
        for content in (before, now)
        for kpi_id, versions in content["kpis"].items()
        for version, entry in versions.items()
    ]
    sql_before, sql_now = before["sql"], now["sql"]
    return Differences(
        definitions=frozenset(
            (kpi_id, int(version))
            for kpi_id, version, entry in kpis
            if _meaning(before, kpi_id, version) != _meaning(now, kpi_id, version)
            or any(
                sql_before[kind].get(name) != sql_now[kind].get(name)
                for kind in ("measures", "distributions")
                for name in entry[kind]
            )
        ),
        policies=frozenset(
            (kpi_id, first_day, last_day)
            for policy_id, first_day, last_day in _changed_days(before["policies"], now["policies"])
            for kpi_id, _, entry in kpis
            if policy_id in entry["policies"]
        ),
        mappings=frozenset(
            (kpi_id, seed in CHANNEL_MAPPINGS, seed in ROW_MAKING, first_day, last_day)
            for seed in {*before["mappings"], *now["mappings"]}
            for _, first_day, last_day in _changed_days(
                before["mappings"].get(seed, {}), now["mappings"].get(seed, {})
            )
            for kpi_id, _, entry in kpis
            if _reaches(seed, entry)
        ),
        facts=frozenset(
            (kpi_id, FACT_OF_OBJECT[name])
            for kpi_id, _, entry in kpis
            for name in (field.partition(".")[0] for field in entry["source_fields"])
            if name in FACT_OF_OBJECT
        ),
        is_computed_anew=sql_before["models"] != sql_now["models"],
    )


def _kept_version(registry: Registry, version: KpiVersion) -> dict[str, Any]:
    measures = [found for name in version.measures if (found := registry.measure(name))]
    distribution = registry.distribution(version.distribution_id)
    below = [*measures, *([distribution] if distribution else [])]
    return {
        "definition": {
            column: text for column, text in version.cells.items() if column not in _NOT_MEANING
        },
        "measures": list(version.measures),
        "distributions": [version.distribution_id] if version.distribution_id else [],
        "policies": [name for name in registry.policies_of(version) if name not in _MARKS],
        "source_fields": sorted({field for row in below for field in row.source_fields}),
    }


def _meaning(content: Content, kpi_id: str, version: str) -> Any:
    entry = content["kpis"].get(kpi_id, {}).get(version)
    return entry and entry["definition"]


def _reaches(seed: str, entry: Content) -> bool:
    """Whether a mapping can change a KPI version, as the lock tells it too."""
    if seed in CHANNEL_MAPPINGS:
        return True
    if seed in NO_KPI:
        return False
    fields = set(entry["source_fields"])
    if seed in MAPPED_OBJECTS:
        return bool(MAPPED_OBJECTS[seed] & {field.partition(".")[0] for field in fields})
    by_policy = any(seed in MAPPED_POLICIES.get(name, ()) for name in entry["policies"])
    return by_policy or seed not in MAPPED_FIELDS or bool(MAPPED_FIELDS[seed] & fields)


def _changed_days(
    before: Mapping[str, list[list[str]]], now: Mapping[str, list[list[str]]]
) -> Iterator[tuple[str, str, str]]:
    """Each code and the spans of days on which it does not mean the same any more."""
    for code in sorted({*before, *now}):
        old, new = before.get(code, []), now.get(code, [])
        if old == new:
            continue
        for first_day, last_day in _spans(old, new):
            yield code, first_day, last_day


def _spans(old: list[list[str]], new: list[list[str]]) -> Iterator[tuple[str, str]]:
    """The longest spans of days within which neither changes, where they differ."""
    begins = {date.min}
    for first_day, last_day, _ in (*old, *new):
        begins.add(date.fromisoformat(first_day))
        if last_day != f"{date.max}":
            begins.add(date.fromisoformat(last_day) + ONE_DAY)
    for first, following in itertools.pairwise([*sorted(begins), None]):
        if _on(old, f"{first}") != _on(new, f"{first}"):
            yield f"{first}", f"{following - ONE_DAY if following else date.max}"


def _on(timeline: list[list[str]], day: str) -> str | None:
    # ISO dates of four-digit years sort as they are
    return next((text for first, last, text in timeline if first <= day <= last), None)

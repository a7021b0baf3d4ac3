"""The list of mutants: every change that the rules allow, a few per model and rule."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from kpi_warehouse.mutation.project import CompiledProject, Model
from kpi_warehouse.mutation.queries import Place, changes, parse
from kpi_warehouse.mutation.seed_rules import SeedChange, seed_changes

PER_MODEL_AND_RULE = 3
PER_SEED_RULE = 5

# Variables that say what is computed; the others bound the calendar, name a type or repeat another.
_NOT_MUTATED_VARIABLES = {
    "as_of_date",
    "business_time_zone",
    "calendar_end",
    "calendar_start",
    "double_type",
    "restate_history",
}


@dataclass(frozen=True)
class Mutant:
    """One planted error; exactly one of `places`, `seed_change` and `variable` is set.

    Attributes:
        mutant_id: What it is called in the list of equivalent mutants. It does not depend on
            where in the query it stands, so that unrelated edits leave it as it is.
        rule: The rule that made it.
        target: Model, macro that several models are made by, seed, or `dbt_project.yml`.
        text: The change in words.
        places: Where it is in the query of each model that it is in.
    """

    mutant_id: str
    rule: str
    target: str
    text: str
    places: tuple[tuple[str, Place], ...] = ()
    seed_change: SeedChange | None = None
    variable: tuple[str, Any] | None = None


def generate(
    project: CompiledProject,
    connection: duckdb.DuckDBPyConnection,
    variables: Mapping[str, Any],
) -> tuple[list[Mutant], Counter[str]]:
    """The mutants to run, and how many each rule allows in all."""
    possible = [
        *sql_mutants(project.mutated),
        *_seed_mutants(seed_changes(connection)),
        *variable_mutants(variables),
    ]
    counts = Counter(mutant.rule for mutant in possible)
    return _few_of_each(possible), counts


def sql_mutants(models: Iterable[Model]) -> list[Mutant]:
    """All mutants of the models' queries.

    What a macro makes in several models is one place: the error is planted in all of them.
    """
    found: dict[str, Mutant] = {}
    for model in models:
        owner = model.template or model.name
        repeated: Counter[str] = Counter()
        for change in changes(parse(model.sql)):
            rule = change.place.rule
            name = f"{owner}.{change.cte}.{rule}.{change.digest}"
            repeated[name] += 1
            if repeated[name] > 1:
                name += f"-{repeated[name]}"
            mutant = found.get(name) or Mutant(name, rule, owner, change.text)
            places = (*mutant.places, (model.name, change.place))
            found[name] = replace(mutant, places=places)
    return list(found.values())


def variable_mutants(variables: Mapping[str, Any]) -> Iterator[Mutant]:
    """Other values of the project's variables."""
    for name, value in variables.items():
        if name in _NOT_MUTATED_VARIABLES:
            continue
        if name == "business_utc_offset_hours":
            others: Sequence[Any] = (0, -value, value - 1)
        elif isinstance(value, int):
            others = (value + 1, value - 1)
        elif isinstance(value, float):
            others = (round(value * 1.01, 6),)
        elif isinstance(value, str):
            others = ("USD" if value != "USD" else "JPY",)
        else:
            continue
        for other in others:
            yield Mutant(
                f"dbt_project.{name}.{other}",
                "variable",
                "dbt_project.yml",
                f"{name} {value} → {other}",
                variable=(name, other),
            )


def sample_of(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """A seeded sample, in the order of the list."""
    chosen = random.Random(seed).sample(range(len(mutants)), min(size, len(mutants)))
    return [mutants[position] for position in sorted(chosen)]


def _seed_mutants(seed_changes: Iterable[SeedChange]) -> Iterator[Mutant]:
    for change in seed_changes:
        told = hashlib.sha256(change.text.encode()).hexdigest()[:6]
        mutant_id = f"{change.seed}.{change.row}.{change.rule.split('.')[-1]}.{told}"
        yield Mutant(mutant_id, change.rule, change.seed, change.text, seed_change=change)


def _few_of_each(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Of each model and rule a few, chosen by their ids, so that edits elsewhere change nothing.

    Of the mappings the first few of each rule, as they come in the order in which they matter.
    """
    groups: dict[tuple[str, ...], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        groups[_group(mutant)].append(mutant)
    kept = []
    for group in groups.values():
        if group[0].places:
            kept += sorted(group, key=lambda mutant: _rank(mutant.mutant_id))[:PER_MODEL_AND_RULE]
        elif group[0].seed_change is not None:
            if group[0].target.startswith("kpi_"):
                group.sort(key=lambda mutant: _rank(mutant.mutant_id))
            kept += _spread(group, PER_SEED_RULE)
        else:
            kept += group
    return sorted(kept, key=lambda mutant: mutant.mutant_id)


def _group(mutant: Mutant) -> tuple[str, ...]:
    if mutant.seed_change is None or mutant.seed_change.values is None:
        return (mutant.target, mutant.rule)
    return (mutant.target, mutant.rule, *(column for column, _ in mutant.seed_change.values))


def _spread(group: Sequence[Mutant], most: int) -> list[Mutant]:
    """The first few that change a value in different ways, then the first few at all."""
    by_text = list({mutant.text: mutant for mutant in reversed(group)}.values())[::-1]
    rest = [mutant for mutant in group if mutant not in by_text]
    return (by_text + rest)[:most]


def _rank(mutant_id: str) -> str:
    return hashlib.sha256(mutant_id.encode()).hexdigest()

"""The definition registry: its own rules, its lock, and what the project has to say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kpi_warehouse.definitions import rules
from kpi_warehouse.definitions.command import funnel_problems, lock_problems
from kpi_warehouse.definitions.registry import Problem

from .project import Project, Violation

# the systems whose layouts every extract is brought to
LAYOUTS = ("generic", "planning")
# the rules that say what cannot be read; the others are about what can
_ABOUT_CELLS = (rules.registry_cells_are_readable, rules.mapping_rows_do_not_overlap)


def _of_project(rule: rules.Rule) -> Callable[[Project], Iterator[Violation]]:
    """A rule on the registry's files as one on the project."""

    def checked(project: Project) -> Iterator[Violation]:
        if rule in _ABOUT_CELLS or not project.registry.problems:
            yield from _violations(rule(project.registry))

    checked.__name__ = rule.__name__
    checked.__doc__ = rule.__doc__
    return checked


REGISTRY_RULES = tuple(map(_of_project, rules.RULES))


def source_fields_exist(project: Project) -> Iterator[Violation]:
    """What decides a measure or distribution is a column of the generic or planning layout."""
    known = {
        f"{source['name']}.{column}"
        for source in project.manifest["sources"].values()
        if source["source_name"] in LAYOUTS
        for column in source.get("columns", {})
    }
    registry = project.registry.registry
    fields = {row.measure_id: row.source_fields for row in registry.measures}
    fields |= {row.distribution_id: row.source_fields for row in registry.distributions}
    for row_id, names in fields.items():
        for name in names:
            if name not in known:
                yield Violation(
                    "source_fields_exist",
                    row_id,
                    f"source_fields names {name}: write object.column of "
                    "models/staging/*/_*__sources.yml",
                )


def funnel_follows_the_registry(project: Project) -> Iterator[Violation]:
    """The contract of funnel_by_channel_period has a column per KPI that channels have."""
    yield from _violations(funnel_problems(project.root))


def definitions_are_locked(project: Project) -> Iterator[Violation]:
    """Every agreed definition, and all it rests on, is what was agreed."""
    yield from _violations(lock_problems(project.root, project.manifest))


def _violations(problems: Iterable[Problem]) -> Iterator[Violation]:
    for problem in problems:
        yield Violation(problem.rule, problem.where, problem.message)

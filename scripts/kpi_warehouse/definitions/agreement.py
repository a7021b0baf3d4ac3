"""What is agreed now: each published KPI version and what it rests on, as the lock keeps it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .compilation import Manifest
from .lineage import CHANNEL_MAPPINGS, Grounds, Lineage
from .mappings import Mapped
from .registry import KpiVersion, PolicyValue
from .rules import RegistryFiles

# columns of kpi_definitions.csv that say nothing about what the number means
NOT_LOCKED = {
    "kpi_id",
    "version",
    "status",
    "change_ja",
    "change_en",
    "change_reason_ja",
    "change_reason_en",
    "sort_order",
}
# columns of measures.csv that say what a measure counts
LOCKED_OF_MEASURES = ("unit", "counts_ja", "counts_en")
# columns of distributions.csv that say what is observed
LOCKED_OF_DISTRIBUTIONS = ("clock", *LOCKED_OF_MEASURES)


@dataclass(frozen=True)
class Agreement:
    """Every published KPI version, and all below them.

    versions: the published versions
    definitions: version -> column -> its text
    policies: version -> policy -> its value while the version is in force
    measures: measure -> unit, words and digest of its SQL
    distributions: distribution -> clock, unit, words and digest of its SQL
    models: model -> digest of its compiled SQL
    mappings: seed -> code -> its meanings
    rests_on: ("measure" | "distribution" | "model" | "mapping", name) -> the versions resting on it
    not_computed: measures of published versions that no model computes
    not_observed: distributions of published versions that no model observes
    unknown_policies: policies that models look for and the registry does not have
    known_models: every model of the project, resting or not
    """

    versions: tuple[KpiVersion, ...]
    definitions: dict[str, dict[str, str]]
    policies: dict[str, dict[str, str]]
    measures: dict[str, dict[str, str]]
    distributions: dict[str, dict[str, str]]
    models: dict[str, str]
    mappings: dict[str, Mapped]
    rests_on: dict[tuple[str, str], tuple[KpiVersion, ...]]
    not_computed: tuple[str, ...]
    not_observed: tuple[str, ...]
    unknown_policies: tuple[str, ...]
    known_models: frozenset[str]

    def resting_on(self, kind: str, name: str) -> tuple[KpiVersion, ...]:
        """The published versions that rest on a measure, distribution, model or mapping."""
        return self.rests_on.get((kind, name), ())

    def of_distribution(self, distribution_id: str) -> list[KpiVersion]:
        """The published versions that are statistics of a distribution."""
        return [row for row in self.versions if row.distribution_id == distribution_id]


def read_agreement(files: RegistryFiles, manifest: Manifest) -> Agreement:
    """Put together what the registry says and what the compiled models do."""
    registry = files.registry
    lineage = Lineage(manifest)
    versions = registry.published()
    used = {measure_id for version in versions for measure_id in version.measures}
    grounds = lineage.grounds(row for row in registry.measures if row.measure_id in used)
    observed = {version.distribution_id for version in versions} - {""}
    observations = lineage.observations(
        row for row in registry.distributions if row.distribution_id in observed
    )
    rests_on: dict[tuple[str, str], dict[str, KpiVersion]] = defaultdict(dict)
    for version in versions:
        for kind, name in _below(version, grounds, observations, lineage):
            rests_on[kind, name][str(version)] = version
    models = {name for kind, name in rests_on if kind == "model"}
    seeds = {name for kind, name in rests_on if kind == "mapping"}
    policies = registry.by_policy()
    return Agreement(
        versions=tuple(versions),
        definitions={str(version): _definition(version) for version in versions},
        policies={
            str(version): {
                policy_id: _value_during(version, policies.get(policy_id, []))
                for policy_id in registry.policies_of(version)
            }
            for version in versions
        },
        measures={
            row.measure_id: {
                **{column: row.cells[column] for column in LOCKED_OF_MEASURES},
                "sql": grounds[row.measure_id].sql,
            }
            for row in registry.measures
            if row.measure_id in grounds
        },
        distributions={
            row.distribution_id: {
                **{column: row.cells[column] for column in LOCKED_OF_DISTRIBUTIONS},
                "sql": observations[row.distribution_id].sql,
            }
            for row in registry.distributions
            if row.distribution_id in observations
        },
        models={name: lineage.model_digests[name] for name in sorted(models)},
        mappings={seed: files.mappings.get(seed, {}) for seed in sorted(seeds)},
        rests_on={key: tuple(found.values()) for key, found in rests_on.items()},
        not_computed=tuple(sorted(used - set(grounds))),
        not_observed=tuple(sorted(observed - set(observations))),
        unknown_policies=tuple(sorted(lineage.policies_read() - set(policies))),
        known_models=frozenset(lineage.model_digests),
    )


def _below(
    version: KpiVersion,
    grounds: dict[str, Grounds],
    observations: dict[str, Grounds],
    lineage: Lineage,
) -> Iterable[tuple[str, str]]:
    """Kind and name of everything that a version rests on."""
    of_measures = {
        measure_id: grounds[measure_id] for measure_id in version.measures if measure_id in grounds
    }
    yield from (("measure", measure_id) for measure_id in of_measures)
    below = [*of_measures.values(), *lineage.marts.values()]
    if version.distribution_id in observations:
        yield "distribution", version.distribution_id
        below += [observations[version.distribution_id], *lineage.statistics.values()]
    for ground in below:
        yield from (("model", name) for name in ground.models)
        for seed in ground.mappings:
            if seed not in CHANNEL_MAPPINGS or version.flag("has_channel"):
                yield "mapping", seed


def _definition(version: KpiVersion) -> dict[str, str]:
    """The columns of a version that say what it means."""
    return {column: text for column, text in version.cells.items() if column not in NOT_LOCKED}


def _value_during(version: KpiVersion, rows: list[PolicyValue]) -> str:
    """The value of a policy while a version is in force; with its days if there are several."""
    found: list[tuple[str, str]] = []
    for row in rows:
        is_in_force = (
            row.effective_from <= version.last_day and row.last_day >= version.effective_from
        )
        if is_in_force and (not found or found[-1][0] != row.value):
            found.append((row.value, row.effective_from.isoformat()))
    if not found:
        return ""
    first, *later = found
    return ", ".join([first[0], *(f"{value} from {day}" for value, day in later)])

"""What each measure and distribution rests on: its SQL, the models it reads, their mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from kpi_warehouse.errors import UserError

from .compilation import Manifest
from .registry import Distribution, Measure
from .sql import (
    digest,
    distributions_in,
    measures_in,
    only_distribution,
    only_measure,
    tokens,
    with_relations,
    without_relations,
)

MEASURES = ("models", "intermediate", "measures")
OBSERVATIONS = ("models", "intermediate", "durations")
KPI_MARTS = ("models", "marts", "kpi")
STATISTICS = ("models", "marts", "durations")
# models of these that no KPI reads
_NO_STATISTICS = {"stage_durations"}
MAPPINGS = ("seeds", "mappings")
# Mappings that decide only measures over certain fields of the extracts, and these fields. A
# mapping that is not named here decides every measure whose models read it. That no other
# measure changes with them is tested (tests/integration/test_mapping_reach.py).
MAPPED_FIELDS = {
    "call_outcomes": {"calls.disposition"},
    "company_sizes": {"leads.employees"},
    "departments": {"users.department"},
    "lead_statuses": {"lead_status_history.status"},
    "machine_user_agents": {"email_events.user_agent"},
    "meeting_judgements": {"appointments.judgement"},
    "meeting_outcomes": {"appointments.outcome"},
    "opportunity_stages": {"opportunities.stage", "opportunity_stage_history.stage"},
}
# Mappings that decide more where a measure is credited by a policy: whose approach has influenced
# a deal depends on which calls are none and on who is inside sales.
MAPPED_POLICIES = {"influence_window_days": {"call_outcomes", "departments"}}
# mappings that decide nothing but the channel of an event
CHANNEL_MAPPINGS = {"channels", "lead_sources"}


@dataclass(frozen=True)
class Grounds:
    """What a measure or distribution rests on: a digest of its SQL, and names of what is below."""

    sql: str
    models: frozenset[str]
    mappings: frozenset[str]


class Lineage:
    """Reads the compiled manifest: which models a measure and the KPI marts rest on."""

    def __init__(self, manifest: Manifest) -> None:
        package = manifest["metadata"]["project_name"]
        self._nodes: dict[str, dict[str, Any]] = {
            unique_id: node
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] in ("model", "seed") and node["package_name"] == package
        }
        self._relations = {
            tuple(tokens(node["relation_name"])): node["name"]
            for node in self._nodes.values()
            if node.get("relation_name")
        }
        self._read: dict[str, list[str]] = {}

    @cached_property
    def model_digests(self) -> dict[str, str]:
        """A digest of the compiled SQL of each model but measures and observations."""
        return {
            node["name"]: digest(" ".join(self._tokens(node)))
            for node in self._nodes.values()
            if node["resource_type"] == "model" and not _counts_in_part(node)
        }

    def grounds(self, measures: Iterable[Measure]) -> dict[str, Grounds]:
        """What each of these measures rests on, apart from what all KPIs do.

        A measure that no model computes is left out.
        """
        models = [node for node in self._nodes.values() if _is_in(node, MEASURES)]
        rows = {measure.measure_id: measure for measure in measures}
        return self._parts(rows, models, measures_in, only_measure)

    def observations(self, distributions: Iterable[Distribution]) -> dict[str, Grounds]:
        """What each of these distributions rests on, apart from what all statistics do."""
        models = [node for node in self._nodes.values() if _is_observation(node)]
        rows = {row.distribution_id: row for row in distributions}
        return self._parts(rows, models, distributions_in, only_distribution)

    def _parts(
        self,
        rows: Mapping[str, Measure | Distribution],
        models: Iterable[Mapping[str, Any]],
        ids_in: Callable[[list[str]], list[str]],
        only: Callable[[list[str], str], list[str]],
    ) -> dict[str, Grounds]:
        """What each row rests on, of models that compute or unite what several rows name."""
        sql = {node["name"]: self._tokens(node) for node in models}
        computed = {name: set(ids_in(found)) for name, found in sql.items()}
        uniting = [name for name in sorted(sql) if not computed[name]]
        found = {}
        for row_id, row in rows.items():
            homes = [name for name in sorted(sql) if row_id in computed[name]]
            if not homes:
                continue
            own = [only(sql[name], row_id) for name in homes]
            # of the models that unite what several models compute only their part for this one
            others = set(sql) - {*homes, *uniting}
            parts = [*own, *(without_relations(sql[name], others) for name in uniting)]
            read = {token[1:] for part in own for token in part if token.startswith("@")}
            above = self._above(read)
            found[row_id] = Grounds(
                sql=digest("\n".join(" ".join(part) for part in parts)),
                models=frozenset(self._names(above, "model")),
                mappings=frozenset(
                    seed for seed in self._names(above, "seed") if _decides(seed, row)
                ),
            )
        return found

    @cached_property
    def marts(self) -> dict[str, Grounds]:
        """The marts that compute KPIs from measures, and what each rests on beside these."""
        return {
            node["name"]: self._of_mart(node)
            for node in self._nodes.values()
            if _is_in(node, KPI_MARTS) and node["name"].startswith("kpi_")
        }

    @cached_property
    def statistics(self) -> dict[str, Grounds]:
        """The marts that compute statistics of distributions, and what each rests on."""
        return {
            node["name"]: self._of_mart(node)
            for node in self._nodes.values()
            if _is_in(node, STATISTICS) and node["name"] not in _NO_STATISTICS
        }

    def _of_mart(self, node: Mapping[str, Any]) -> Grounds:
        above = self._above({node["name"]})
        return Grounds(
            sql="",
            models=frozenset(self._names(above, "model")),
            mappings=frozenset(self._names(above, "seed")),
        )

    def policies_read(self) -> set[str]:
        """The policies that models look for, as the literals compared with policy_id."""
        found = set()
        for node in self._nodes.values():
            if node["resource_type"] == "model":
                sql = self._tokens(node)
                for name, sign, value in zip(sql, sql[1:], sql[2:], strict=False):
                    if (name, sign) == ("policy_id", "=") and value.startswith("'"):
                        found.add(value.strip("'"))
        return found

    def _tokens(self, node: Mapping[str, Any]) -> list[str]:
        if node.get("compiled_code") is None:
            raise UserError(
                "holds no compiled SQL", "the manifest", "let the command compile the project"
            )
        name = node["name"]
        if name not in self._read:
            self._read[name] = with_relations(tokens(node["compiled_code"]), self._relations)
        return self._read[name]

    def _above(self, names: set[str]) -> set[str]:
        """The ids of the models and mappings of these names and of all that they read.

        Measures and observations are left out, of which only the own part counts; so are the
        statistics that a mart shows beside what is counted, unless they are asked for.
        """
        waiting = [id_ for id_, node in self._nodes.items() if node["name"] in names]
        found: set[str] = set()
        while waiting:
            unique_id = waiting.pop()
            node = self._nodes.get(unique_id)
            if node is None or unique_id in found or _counts_in_part(node):
                continue
            if _is_in(node, STATISTICS) and node["name"] not in names:
                continue
            if node["resource_type"] == "seed" and not _is_in(node, MAPPINGS):
                continue
            found.add(unique_id)
            waiting += node["depends_on"].get("nodes", [])
        return found

    def _names(self, ids: set[str], resource_type: str) -> set[str]:
        return {
            self._nodes[id_]["name"]
            for id_ in ids
            if self._nodes[id_]["resource_type"] == resource_type
        }


def _decides(seed: str, measure: Measure | Distribution) -> bool:
    """Whether a mapping that the models of a measure read can change the measure."""
    return (
        seed not in MAPPED_FIELDS
        or bool(MAPPED_FIELDS[seed] & set(measure.source_fields))
        or any(seed in MAPPED_POLICIES.get(policy_id, ()) for policy_id in measure.policy_ids)
    )


def _counts_in_part(node: Mapping[str, Any]) -> bool:
    """Whether a model computes what several rows of the registry name, or unites it."""
    return _is_in(node, MEASURES) or _is_observation(node)


def _is_observation(node: Mapping[str, Any]) -> bool:
    return _is_in(node, OBSERVATIONS) and node["name"].startswith("int_observations")


def _is_in(node: Mapping[str, Any], folder: tuple[str, ...]) -> bool:
    parts = PurePosixPath(node["original_file_path"].replace("\\", "/")).parts
    return parts[: len(folder)] == folder

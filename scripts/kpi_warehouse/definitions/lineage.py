"""What each measure rests on: its own SQL, the models it reads, and the mappings they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from kpi_warehouse.errors import UserError

from .compilation import Manifest
from .registry import Measure
from .sql import digest, measures_in, only_measure, tokens, with_relations, without_relations

MEASURES = ("models", "intermediate", "measures")
KPI_MARTS = ("models", "marts", "kpi")
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
    """What a measure rests on: a digest of its own SQL, and names of models and mappings."""

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
        """A digest of the compiled SQL of each model outside the measures."""
        return {
            node["name"]: digest(" ".join(self._tokens(node)))
            for node in self._nodes.values()
            if node["resource_type"] == "model" and not _is_in(node, MEASURES)
        }

    def grounds(self, measures: Iterable[Measure]) -> dict[str, Grounds]:
        """What each of these measures rests on, apart from what all KPIs do.

        A measure that no model computes is left out.
        """
        models = [node for node in self._nodes.values() if _is_in(node, MEASURES)]
        sql = {node["name"]: self._tokens(node) for node in models}
        computed = {name: set(measures_in(found)) for name, found in sql.items()}
        uniting = [name for name in sorted(sql) if not computed[name]]
        found = {}
        for measure in measures:
            homes = [name for name in sorted(sql) if measure.measure_id in computed[name]]
            if not homes:
                continue
            own = [only_measure(sql[name], measure.measure_id) for name in homes]
            # of the models that unite the measures of all facts only their part for this one
            others = set(sql) - {*homes, *uniting}
            parts = [*own, *(without_relations(sql[name], others) for name in uniting)]
            read = {token[1:] for part in own for token in part if token.startswith("@")}
            above = self._above(read)
            found[measure.measure_id] = Grounds(
                sql=digest("\n".join(" ".join(part) for part in parts)),
                models=frozenset(self._names(above, "model")),
                mappings=frozenset(
                    seed for seed in self._names(above, "seed") if _decides(seed, measure)
                ),
            )
        return found

    @cached_property
    def marts(self) -> dict[str, Grounds]:
        """The marts that compute KPIs from measures, and what each rests on beside these."""
        return {
            node["name"]: Grounds(
                sql="",
                models=frozenset(self._names(above, "model")),
                mappings=frozenset(self._names(above, "seed")),
            )
            for node in self._nodes.values()
            if _is_in(node, KPI_MARTS) and node["name"].startswith("kpi_")
            for above in [self._above({node["name"]})]
        }

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

        Measures are left out: of them only the own part counts.
        """
        waiting = [id_ for id_, node in self._nodes.items() if node["name"] in names]
        found: set[str] = set()
        while waiting:
            unique_id = waiting.pop()
            node = self._nodes.get(unique_id)
            if node is None or unique_id in found or _is_in(node, MEASURES):
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


def _decides(seed: str, measure: Measure) -> bool:
    """Whether a mapping that the models of a measure read can change the measure."""
    return (
        seed not in MAPPED_FIELDS
        or bool(MAPPED_FIELDS[seed] & set(measure.source_fields))
        or any(seed in MAPPED_POLICIES.get(policy_id, ()) for policy_id in measure.policy_ids)
    )


def _is_in(node: Mapping[str, Any], folder: tuple[str, ...]) -> bool:
    parts = PurePosixPath(node["original_file_path"].replace("\\", "/")).parts
    return parts[: len(folder)] == folder

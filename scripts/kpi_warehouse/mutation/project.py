"""The compiled project, as dbt's manifest tells it: models in order, tests, seeds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

# Staging reads what landed, and has tests of its own on each system's records. Quality is about
# findings, and drafts are what the macro of the KPI marts makes of versions that nobody has agreed
# on.
MUTATED_FOLDERS = ("models/intermediate/", "models/marts/")
UNMUTATED_FOLDERS = (
    "models/intermediate/quality/",
    "models/marts/drafts/",
    "models/marts/quality/",
)
# What is made of a landed object as its layout says; landing and staging have tests of their own.
UNMUTATED_TEMPLATES = {"stage_landed", "staged_row_account", "staged_row_findings"}
# The account of rows and the findings of a system: no KPI reads them.
UNMUTATED_OBJECTS = ("row_account", "row_findings", "unmapped_codes")

_NO_QUERY = re.compile(r"\{#.*?#\}|\{\{\s*config\(.*?\)\s*\}\}", re.DOTALL)
_MACRO_CALL = re.compile(r"^\s*\{\{\s*(\w+)\(", re.DOTALL)


@dataclass(frozen=True)
class Model:
    """A model. `template` is the macro that its whole query comes from, if it does."""

    name: str
    schema: str
    sql: str
    inputs: frozenset[str]
    has_contract: bool
    is_mutated: bool
    template: str | None
    is_view: bool = False

    @property
    def relation(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class DataTest:
    """A data test: its query returns what is wrong."""

    name: str
    sql: str
    inputs: frozenset[str]
    is_error: bool


@dataclass(frozen=True)
class CompiledProject:
    """Models by name, each after its inputs; the tests by name; the schema of every relation."""

    models: dict[str, Model]
    tests: dict[str, DataTest]
    schemas: dict[str, str]

    @classmethod
    def read(cls, manifest: Path, with_tests: bool = True) -> CompiledProject:
        """Read the manifest of a project that was built or compiled, perhaps its models only.

        Raises:
            ValueError: it was only parsed.
        """
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
        named = {key: node["alias"] for key, node in nodes.items() if key.startswith("model.")}
        seeds = {key: node["alias"] for key, node in nodes.items() if key.startswith("seed.")}
        relations = named | seeds
        before = {
            key: [other for other in nodes[key]["depends_on"]["nodes"] if other in named]
            for key in named
        }
        ordered = list(TopologicalSorter(before).static_order())
        return cls(
            models={named[key]: _model(nodes[key], relations) for key in ordered},
            tests={
                node["name"]: _test(node, relations)
                for key, node in sorted(nodes.items())
                if with_tests and key.startswith("test.")
            },
            schemas={name: nodes[key]["schema"] for key, name in relations.items()},
        )

    @property
    def mutated(self) -> list[Model]:
        """The models that errors are planted in."""
        return [model for model in self.models.values() if model.is_mutated]


def _model(node: dict[str, Any], relations: dict[str, str]) -> Model:
    path = node["original_file_path"]
    call = _MACRO_CALL.match(_NO_QUERY.sub("", node["raw_code"]))
    template = call.group(1) if call else None
    return Model(
        name=node["alias"],
        schema=node["schema"],
        sql=_compiled(node),
        inputs=_inputs(node, relations),
        has_contract=node["contract"]["enforced"],
        is_mutated=_is_mutated(path, node["alias"], template),
        template=template,
        is_view=node["config"]["materialized"] == "view",
    )


def _is_mutated(path: str, name: str, template: str | None) -> bool:
    """Whether errors are planted in a model: it must reach a number that is published."""
    return (
        path.startswith(MUTATED_FOLDERS)
        and not path.startswith(UNMUTATED_FOLDERS)
        and not name.endswith(UNMUTATED_OBJECTS)
        and template not in UNMUTATED_TEMPLATES
    )


def _test(node: dict[str, Any], relations: dict[str, str]) -> DataTest:
    return DataTest(
        name=node["name"],
        sql=_compiled(node),
        inputs=_inputs(node, relations),
        is_error=node["config"]["severity"].lower() == "error",
    )


def _compiled(node: dict[str, Any]) -> str:
    if not node.get("compiled_code"):
        raise ValueError(f"{node['name']} is not compiled")
    return node["compiled_code"]


def _inputs(node: dict[str, Any], relations: dict[str, str]) -> frozenset[str]:
    return frozenset(relations[key] for key in node["depends_on"]["nodes"] if key in relations)

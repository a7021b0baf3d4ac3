"""What a rule sees of the project, and what it has to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from kpi_warehouse.definitions.command import REGISTRY, work_folder
from kpi_warehouse.definitions.compilation import compiled_manifest
from kpi_warehouse.definitions.rules import RegistryFiles, read_files
from kpi_warehouse.errors import UserError

Node = dict[str, Any]


class ProjectError(Exception):
    """The checks cannot run; the message says in one line what is missing and how to mend it."""


@dataclass(frozen=True)
class Violation:
    """One broken rule: where, and what to do about it."""

    rule: str
    node: str
    message: str

    def __str__(self) -> str:
        """Return the line that a user reads."""
        return f"{self.rule}: {self.node}: {self.message}"


@dataclass(frozen=True)
class Project:
    """dbt's account of the project (its manifest) and the folder it describes.

    root: the project's folder, for the rules about files that the manifest does not hold
    manifest: the manifest, schema v12, with the compiled SQL of the models
    """

    root: Path
    manifest: dict[str, Any]

    @classmethod
    def compile(cls, root: Path, work: Path | None = None) -> Project:
        """Compile the project, dbt's own files in `work`. Raises ProjectError if that fails."""
        try:
            return cls(root, compiled_manifest(root, work or work_folder(root)))
        except UserError as error:
            raise ProjectError(str(error)) from None

    @classmethod
    def read(cls, root: Path, manifest: Path) -> Project:
        """Read a manifest. Raises ProjectError if it is absent or no manifest."""
        try:
            content = json.loads(manifest.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ProjectError(f"{manifest} does not exist: leave out --manifest") from None
        except ValueError as error:
            raise ProjectError(
                f"{manifest} is no manifest ({error}): leave out --manifest"
            ) from None
        return cls(root, content)

    @cached_property
    def registry(self) -> RegistryFiles:
        """What seeds/registry and the mappings beside it say."""
        return read_files(self.root / REGISTRY)

    @cached_property
    def name(self) -> str:
        """The project's own package; rules leave dbt's built-in macros alone."""
        return self.manifest["metadata"]["project_name"]

    def nodes(self, *resource_types: str) -> Iterator[Node]:
        """Yield the project's own nodes of these types, by name."""
        own = (
            node
            for node in self.manifest["nodes"].values()
            if node["resource_type"] in resource_types and node["package_name"] == self.name
        )
        yield from sorted(own, key=lambda node: node["name"])

    def models(self, *layers: str) -> Iterator[Node]:
        """Yield the models of these layers, or of all."""
        for node in self.nodes("model"):
            if not layers or layer(node) in layers:
                yield node

    def macros(self) -> Iterator[Node]:
        """Yield the project's own macros, generic tests included, by name."""
        own = (
            macro
            for macro in self.manifest["macros"].values()
            if macro["package_name"] == self.name
        )
        yield from sorted(own, key=lambda macro: (macro["original_file_path"], macro["name"]))

    def parents(self, node: Node) -> Iterator[Node]:
        """Yield the models, seeds and snapshots that a node refers to."""
        for unique_id in node["depends_on"]["nodes"]:
            if unique_id in self.manifest["nodes"]:
                yield self.manifest["nodes"][unique_id]

    def source_systems(self, node: Node) -> set[str]:
        """Return the names of the sources that a node reads."""
        return {
            self.manifest["sources"][unique_id]["source_name"]
            for unique_id in node["depends_on"]["nodes"]
            if unique_id.startswith("source.")
        }

    def tests_of(self, node: Node) -> Iterator[Node]:
        """Yield the generic tests attached to a node or one of its columns."""
        for test in self.nodes("test"):
            if test.get("attached_node") == node["unique_id"] and test.get("test_metadata"):
                yield test


def path_parts(node: Node) -> tuple[str, ...]:
    """Return the parts of a node's path within the project."""
    return PurePosixPath(node["original_file_path"].replace("\\", "/")).parts


def layer(node: Node) -> str:
    """Return the folder below models/ or seeds/ that a node lives in, or "" if it is in none."""
    parts = path_parts(node)
    return parts[1] if len(parts) > 2 else ""


def system(node: Node) -> str:
    """Return the system folder of a staging model, or "" if it is in none."""
    parts = path_parts(node)
    return parts[2] if len(parts) > 3 else ""

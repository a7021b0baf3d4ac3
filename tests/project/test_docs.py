"""What the documentation page holds of this project."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kpi_warehouse.docs_page import public_manifest
from kpi_warehouse.project_checks import Project


def test_the_manifest_names_no_folder_of_a_machine(project: Project) -> None:
    manifest = public_manifest(project.manifest)
    text = json.dumps(manifest, ensure_ascii=False)
    assert len(manifest["nodes"]) > 100
    for folder in (project.root, Path.home(), Path.cwd()):
        assert f"{folder}/" not in text
    assert not re.search(r"(?<![\w.])/(?:home|root|tmp|Users|work)/", text)
    assert manifest["metadata"]["user_id"] is None


def test_every_column_of_every_published_table_is_described(project: Project) -> None:
    manifest = public_manifest(project.manifest)
    tables = [
        node
        for node in (*manifest["nodes"].values(), *manifest["sources"].values())
        if node["schema"] == "marts" and node["resource_type"] in ("model", "source")
    ]
    assert len(tables) > 50
    for table in tables:
        assert table["columns"], table["name"]
        for column in table["columns"].values():
            assert column["description"].strip(), (table["name"], column["name"])


def test_the_overview_is_the_projects_own(project: Project) -> None:
    overviews = [
        block["block_contents"]
        for block in project.manifest["docs"].values()
        if block["name"] == "__overview__" and block["package_name"] == project.name
    ]
    assert len(overviews) == 1
    assert "Never average a rate" in overviews[0]

"""What the documentation page holds of this project."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from guides import GUIDES, WHICH_TABLE, table_rows
from kpi_warehouse.docs_page import catalog, dbt_page, page, public_manifest
from kpi_warehouse.project_checks import Project
from kpi_warehouse.settings import PROJECT_DIR
from needs import absent


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


def test_a_browser_shows_a_table_and_has_nothing_to_complain_about(
    project: Project, tmp_path: Path
) -> None:
    """A script that fails, or a file that the page's policy refuses, is a line of the console."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        absent("Chromium is not installed; apt-get install chromium")
    manifest = public_manifest(project.manifest)
    table = {
        "metadata": {"type": "BASE TABLE", "schema": "marts", "name": "fct_leads", "owner": None},
        "columns": {"lead_id": {"type": "SEEN_IN_THE_WAREHOUSE", "index": 1, "name": "lead_id"}},
        "stats": {},
    }
    text = page(dbt_page(), manifest, catalog(manifest, {("marts", "fct_leads"): table}))
    (tmp_path / "index.html").write_text(text, "utf-8")
    address = (tmp_path / "index.html").as_uri() + f"#!/model/model.{project.name}.fct_leads"
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            *(f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=4000"),
            *("--dump-dom", address),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    shown = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    assert "SEEN_IN_THE_WAREHOUSE" in shown
    assert manifest["nodes"][f"model.{project.name}.fct_leads"]["description"][:40] in shown
    assert "CONSOLE" not in done.stderr


def test_every_make_target_of_a_text_exists() -> None:
    """A target without a rule is silently nothing to do where a folder has its name."""
    makefile = (PROJECT_DIR / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert phony == targets
    texts = [PROJECT_DIR / "README.md", PROJECT_DIR / "CONTRIBUTING.md"]
    texts += sorted((PROJECT_DIR / "docs").rglob("*.md"))
    named = {
        target
        for text in texts
        for target in re.findall(r"`make ([a-z-]+)", text.read_text("utf-8"))
    }
    assert len(named) > 15
    assert named - targets == set()


def test_the_guide_lists_every_published_table_once(project: Project) -> None:
    answers = [row[1] for row in table_rows(WHICH_TABLE.read_text("utf-8"))]
    listed = sorted(name for cell in answers for name in re.findall(r"`(\w+)`", cell))
    assert listed == sorted(published(project))


def test_the_guides_and_the_readme_name_tables_that_exist(project: Project) -> None:
    prefixed = r"`((?:fct|dim|kpi|kgi|funnel|time_to_event)_\w+)`"
    tables = published(project)
    known = tables | {
        column["name"]
        for node in (*project.models("marts"), *project.manifest["sources"].values())
        for column in node["columns"].values()
    }
    for path in (PROJECT_DIR / "README.md", *GUIDES.glob("*.md")):
        named = set(re.findall(prefixed, path.read_text("utf-8")))
        named -= {node["name"] for node in project.nodes("seed")}
        assert named <= known, path.name


def published(project: Project) -> set[str]:
    """The names of the tables in schema marts of the published file."""
    return {node["name"] for node in project.models("marts") if node["schema"] == "marts"} | {
        source["name"]
        for source in project.manifest["sources"].values()
        if source["schema"] == "marts"
    }

"""The documentation page: what it says of a table, what it leaves out, that it loads nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.docs_page import (
    DATABASE,
    PageChangedError,
    catalog,
    dbt_page,
    page,
    public_manifest,
    read_tables,
)
from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing import Store
from kpi_warehouse.settings import Settings
from published_marts import publish, warehouse

HOME = "/home/somebody/kpi"
NODE = {
    "resource_type": "model",
    "package_name": "kpis",
    "name": "fct_leads",
    "alias": "fct_leads",
    "schema": "marts",
    "database": "memory",
    "relation_name": '"memory"."marts"."fct_leads"',
    "compiled_path": f"{HOME}/target/fct_leads.sql",
    "compiled_code": f"select * from '{HOME}/landing/leads.parquet'",
    "root_path": HOME,
    "created_at": 1.0,
    "raw_code": "select '</script><script>alert(1)</script>'",
    "description": "Grain: one row per lead.",
    "depends_on": {"nodes": ["unit_test.a"], "macros": ["macro.dbt.ref", "macro.kpis.own"]},
}
MANIFEST = {
    "metadata": {
        "dbt_schema_version": "v12",
        "dbt_version": "1.11",
        "generated_at": "2026-11-23T00:00:00Z",
        "project_name": "kpis",
        "adapter_type": "duckdb",
        "env": {"DBT_ENV_CUSTOM_ENV_WHO": "somebody"},
        "user_id": "f3a1",
        "project_id": "c744",
        "invocation_id": "d774",
        "send_anonymous_usage_stats": True,
    },
    "nodes": {"model.kpis.fct_leads": NODE, "model.kpis.new": NODE | {"alias": "new"}},
    "sources": {
        "source.kpis.published.kpi_revisions": {
            "name": "kpi_revisions",
            "identifier": "kpi_revisions",
            "schema": "marts",
            "database": "memory",
        }
    },
    "macros": {
        "macro.dbt.ref": {"package_name": "dbt"},
        "macro.kpis.own": {"package_name": "kpis"},
    },
    "exposures": {},
    "metrics": {},
    "semantic_models": {},
    "unit_tests": {"unit_test.a": {"given": HOME}},
    "parent_map": {"model.kpis.fct_leads": ["unit_test.a"], "unit_test.a": []},
    "child_map": {"model.kpis.fct_leads": ["unit_test.a"], "unit_test.a": []},
    "docs": {},
}
TEMPLATE = (
    '<html><head><meta charset="utf-8"><link rel="canonical" href="/overview/"/>'
    '<link rel="shortcut icon" href="${require(\'./assets/favicons/favicon.ico\')}"/>'
    '<script>track("fishtownanalytics.sinter-collect.com");'
    'var n={manifest:"MANIFEST.JSON INLINE DATA",catalog:"CATALOG.JSON INLINE DATA"};'
    "var t='<use xlink:href=\"{{ icon }}\">';</script></head></html>"
)


def test_nothing_of_a_machine_a_person_or_a_run_is_left():
    manifest = public_manifest(MANIFEST)
    text = json.dumps(manifest)
    for word in (HOME, "somebody", "memory", "f3a1", "c744", "d774", "compiled"):
        assert word not in text
    assert manifest["metadata"]["send_anonymous_usage_stats"] is False
    assert (
        manifest["nodes"]["model.kpis.fct_leads"]["relation_name"] == f"{DATABASE}.marts.fct_leads"
    )


def test_what_is_left_out_is_not_referred_to():
    manifest = public_manifest(MANIFEST)
    assert manifest["nodes"]["model.kpis.fct_leads"]["depends_on"] == {
        "nodes": [],
        "macros": ["macro.kpis.own"],
    }
    assert manifest["parent_map"] == manifest["child_map"] == {"model.kpis.fct_leads": []}


def test_the_catalogue_has_the_tables_of_the_warehouse_and_of_the_publication(tmp_path):
    database = warehouse(tmp_path / "built.duckdb")
    version = publish(Store(tmp_path / "published"), database).version
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = read_tables(connection, version.database)
    found = catalog(public_manifest(MANIFEST), tables)
    # the model `new` is not built yet
    assert list(found["nodes"]) == ["model.kpis.fct_leads"]
    leads = found["nodes"]["model.kpis.fct_leads"]
    assert leads["columns"]["acquired_date"] == {
        "type": "DATE",
        "index": 4,
        "name": "acquired_date",
        "comment": None,
    }
    assert leads["stats"]["num_rows"]["value"] == 2
    revisions = found["sources"]["source.kpis.published.kpi_revisions"]
    assert revisions["columns"]["published_at"]["type"] == "TIMESTAMP"


def test_the_page_loads_nothing_and_its_data_ends_no_script():
    text = page(TEMPLATE, public_manifest(MANIFEST), {"nodes": {}})
    assert text.count("</script>") == 1
    assert not re.search(r'(?:https?:)?//|<link[^>]*href="(?!data:)|<use xlink', text)
    assert "default-src 'none'" in text
    told = re.search(r"manifest:(\{.*\}),catalog:(\{.*\})\};", text)
    assert json.loads(told[1])["nodes"]["model.kpis.fct_leads"]["raw_code"] == NODE["raw_code"]


def test_another_page_of_dbt_is_noticed():
    with pytest.raises(PageChangedError, match="does not hold"):
        page(TEMPLATE.replace("fishtown", "elsewhere"), public_manifest(MANIFEST), {})


def test_the_page_of_this_dbt_is_the_one_this_was_written_for():
    """What is loaded is so by an element, a style or a script; the policy forbids all three."""
    text = page(dbt_page(), public_manifest(MANIFEST), {"nodes": {}})
    head = text[: text.index("<script")]
    assert "Content-Security-Policy" in head
    assert 'href="http' not in head
    assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=.?(?:https?:)?//", text)
    assert not re.search(r"url\(.?(?:https?:)?//", text)
    assert "sinter-collect" not in text


def test_without_a_warehouse_one_line_says_what_to_do(tmp_path: Path):
    from kpi_warehouse.docs_page import write_docs

    settings = Settings.from_environment({"DATA_DIR": str(tmp_path)}, tmp_path)
    with pytest.raises(UserError, match="no warehouse yet; run make build"):
        write_docs(settings, tmp_path / "docs")
    assert not (tmp_path / "docs").exists()

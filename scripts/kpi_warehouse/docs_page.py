"""The project's documentation as dbt shows it, in one page that loads nothing and names no machine.

`dbt docs generate --static` opens the warehouse for writing, so that nobody else may have it open,
and its page holds paths of the machine, ids of the run and a tracker. Here the same page gets a
manifest without these, and a catalogue that is read from the warehouse.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from kpi_warehouse.definitions.compilation import parsed_manifest
from kpi_warehouse.published import reading, write_files
from kpi_warehouse.publishing.store import Store
from kpi_warehouse.settings import PROJECT_DIR, Settings

Json = dict[str, Any]
# schema and name of a table -> its row in the catalogue
Tables = dict[tuple[str, str], Json]
# what the page calls the database, whatever the file is called
DATABASE = "kpi_warehouse"
# of dbt's account of itself, what the page shows and what says nothing about a machine or a run
_METADATA = ("dbt_schema_version", "dbt_version", "generated_at", "project_name", "adapter_type")
# of a node, what the page does not show: paths, hashes, times, and what is there twice
_LEFT_OUT = (
    *("build_path", "checksum", "compiled", "compiled_code", "compiled_path", "created_at"),
    *("extra_ctes", "extra_ctes_injected", "root_path", "unrendered_config"),
    *("unrendered_database", "unrendered_schema"),
)
# tests of the models' logic, which say nothing about the tables, are half of the page
_WITHOUT = ("unit_tests", "disabled", "selectors", "saved_queries")
_GRAPH = ("nodes", "sources", "macros", "exposures", "metrics", "semantic_models")
_MAPS = ("parent_map", "child_map")
_CATALOG_SCHEMA = "https://schemas.getdbt.com/dbt/catalog/v1.json"
# the browser itself loads nothing: everything the page needs is in it
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    'img-src data:; font-src data:">'
)
# what dbt's page holds, and what stands there instead
_REPLACED = (
    ('<meta charset="utf-8">', f'<meta charset="utf-8">{_POLICY}'),
    ('<link rel="canonical" href="/overview/"/>', ""),
    (
        '<link rel="shortcut icon" href="${require(\'./assets/favicons/favicon.ico\')}"/>',
        '<link rel="icon" href="data:,"/>',
    ),
    # the tracker's host; it is not loaded either, as the manifest says
    ("fishtownanalytics.sinter-collect.com", "localhost"),
    # a browser takes what is to be filled in for the name of a file, and asks for it
    ('<use xlink:href="{{', '<use ng-attr-xlink:href="{{'),
)


class PageChangedError(Exception):
    """dbt's page is not the one that this was written for."""


def write_docs(settings: Settings, folder: Path) -> tuple[Path, list[str]]:
    """Write `index.html` into a folder; returns its path and the models the warehouse lacks.

    Raises UserError if there is no warehouse, or the project cannot be read.
    """
    with reading(settings.warehouse_path) as connection:
        version = Store(settings.publish_dir).current
        tables = read_tables(connection, version.database if version else None)
    with tempfile.TemporaryDirectory(prefix="docs-") as work:
        manifest = public_manifest(parsed_manifest(PROJECT_DIR, Path(work)))
    found = catalog(manifest, tables)
    absent = sorted(
        node["name"]
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed") and key not in found["nodes"]
    )
    text = page(dbt_page(), manifest, found)
    (path,) = write_files({folder / "index.html": text.encode("utf-8")})
    return path, absent


def dbt_page() -> str:
    """The page that dbt brings along."""
    # dbt takes seconds to import
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    return Path(DOCS_INDEX_FILE_PATH).read_text("utf-8")


def read_tables(connection: duckdb.DuckDBPyConnection, published: Path | None) -> Tables:
    """All tables and views of an open warehouse, and what only the published file holds."""
    if published is not None:
        quoted = str(published).replace("'", "''")
        connection.execute(f"attach '{quoted}' as the_published (read_only)")
    rows = connection.execute(
        """
        select
            columns.schema_name,
            columns.table_name,
            tables.estimated_size,
            list(columns.column_name order by columns.column_index),
            list(columns.data_type order by columns.column_index)
        from duckdb_columns() as columns
        left join duckdb_tables() as tables
            on columns.database_oid = tables.database_oid and columns.table_oid = tables.table_oid
        where not columns.internal
        group by
            columns.database_name, columns.schema_name, columns.table_name, tables.estimated_size
        -- the whole warehouse last, so that it counts
        order by columns.database_name = 'the_published' desc
        """
    ).fetchall()
    return {
        (schema, name): {
            "metadata": {
                "type": "VIEW" if size is None else "BASE TABLE",
                "schema": schema,
                "name": name,
                "database": DATABASE,
                "comment": None,
                "owner": None,
            },
            "columns": {
                column: {"type": data_type, "index": index, "name": column, "comment": None}
                for index, (column, data_type) in enumerate(
                    zip(columns, types, strict=True), start=1
                )
            },
            "stats": _stats(size),
        }
        for schema, name, size, columns, types in rows
    }


def catalog(manifest: Json, tables: Tables) -> Json:
    """dbt's catalogue, v1, of those nodes and sources of a manifest that are tables."""

    def rows(kind: str) -> Json:
        found = {}
        for key, node in manifest[kind].items():
            if table := tables.get((node["schema"], _table_name(node))):
                found[key] = table | {"unique_id": key}
        return found

    return {
        "metadata": {
            "dbt_schema_version": _CATALOG_SCHEMA,
            "dbt_version": manifest["metadata"]["dbt_version"],
            "generated_at": manifest["metadata"]["generated_at"],
            "env": {},
        },
        "nodes": rows("nodes"),
        "sources": rows("sources"),
        "errors": None,
    }


def public_manifest(manifest: Mapping[str, Any]) -> Json:
    """A manifest without paths of a machine, ids of people and runs, and what nobody looks up."""
    metadata = manifest["metadata"]
    own = metadata["project_name"]
    kept: Json = {key: value for key, value in manifest.items() if key not in _WITHOUT}
    kept |= {key: {} for key in _WITHOUT if key in manifest}
    kept["metadata"] = {key: metadata[key] for key in _METADATA} | {
        "env": {},
        "project_id": None,
        "send_anonymous_usage_stats": False,
        "user_id": None,
    }
    for kind in _GRAPH:
        kept[kind] = {
            key: _public(node)
            for key, node in manifest[kind].items()
            # dbt's own macros are documented where dbt is
            if kind != "macros" or node["package_name"] == own
        }
    known = {key for kind in _GRAPH for key in kept[kind]}
    for name in _MAPS:
        kept[name] = {
            key: [other for other in others if other in known]
            for key, others in manifest[name].items()
            if key in known
        }
    for node in kept["nodes"].values():
        node["depends_on"] = {
            kind: [key for key in keys if key in known] for kind, keys in node["depends_on"].items()
        }
    return kept


def page(template: str, manifest: Json, found: Json) -> str:
    """dbt's page with a manifest and a catalogue in it, and nothing that is loaded from elsewhere.

    Raises PageChangedError if the page is another one than this was written for.
    """
    for before, after in (
        *_REPLACED,
        ('"MANIFEST.JSON INLINE DATA"', _in_a_script(manifest)),
        ('"CATALOG.JSON INLINE DATA"', _in_a_script(found)),
    ):
        if before not in template:
            raise PageChangedError(f"dbt's page does not hold {before}")
        template = template.replace(before, after)
    return template


def _public(node: Mapping[str, Any]) -> Json:
    kept = {key: value for key, value in node.items() if key not in _LEFT_OUT}
    if "database" in kept:
        # the page's example of a query takes it from here, also where dbt gives none
        identifier = _table_name(kept)
        kept |= {
            "database": DATABASE,
            "identifier": identifier,
            "relation_name": f"{DATABASE}.{kept['schema']}.{identifier}",
        }
    return kept


def _table_name(node: Mapping[str, Any]) -> str:
    return node.get("identifier") or node.get("alias") or node["name"]


def _in_a_script(content: Json) -> str:
    """JSON that no browser takes for the end of a script."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _stats(size: int | None) -> Json:
    has_stats = {
        "id": "has_stats",
        "label": "Has Stats?",
        "value": size is not None,
        "include": False,
        "description": "Indicates whether there are statistics for this table",
    }
    if size is None:
        return {"has_stats": has_stats}
    rows = {
        "id": "num_rows",
        "label": "Rows",
        "value": size,
        "include": True,
        "description": "Rows, as DuckDB estimates them",
    }
    return {"num_rows": rows, "has_stats": has_stats}

"""The KPI sheet (KPIシート): every definition, who signed it, its value and its target."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.kpi_sheet.content import Sheet, read_sheet
from kpi_warehouse.kpi_sheet.page import render_page
from kpi_warehouse.kpi_sheet.workbook import render_workbook
from kpi_warehouse.landing.manifest import replacing

WORKBOOK = "kpi_sheet.xlsx"
PAGE = "kpi_sheet.html"

__all__ = ["PAGE", "WORKBOOK", "read_sheet", "write_kpi_sheet"]


def write_kpi_sheet(warehouse: Path, as_of: date, folder: Path) -> list[Path]:
    """Write the workbook and the page of a published warehouse into `folder`.

    Raises UserError if there is no warehouse, it cannot be read, is not one of this project's,
    is an older one, or was built as of another day.
    """
    sheet = _read(warehouse, as_of)
    contents = {
        folder / WORKBOOK: render_workbook(sheet),
        folder / PAGE: render_page(sheet).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError("is not a folder", folder, "set --out or DATA_DIR to one") from error
    for path, content in contents.items():
        with replacing(path) as partial:
            partial.write_bytes(content)
    return list(contents)


def _read(warehouse: Path, as_of: date) -> Sheet:
    if not warehouse.is_file():
        raise UserError("no warehouse yet", warehouse, "run make build")
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        if "lock" in str(error):
            raise UserError(
                "another process has it open for writing", warehouse, "close it there and retry"
            ) from error
        raise UserError(
            "cannot be opened as a DuckDB file", warehouse, "set WAREHOUSE_PATH to a warehouse"
        ) from error
    try:
        return read_sheet(connection, as_of)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UserError(
            "not a warehouse of this project, or an older one", warehouse, "run make build"
        ) from error
    finally:
        connection.close()

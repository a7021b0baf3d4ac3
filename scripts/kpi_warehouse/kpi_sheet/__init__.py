"""The KPI sheet (KPIシート): every definition, who signed it, its value and its target."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kpi_warehouse.kpi_sheet.content import read_sheet
from kpi_warehouse.kpi_sheet.page import render_page
from kpi_warehouse.kpi_sheet.workbook import render_workbook
from kpi_warehouse.published import reading, write_files

WORKBOOK = "kpi_sheet.xlsx"
PAGE = "kpi_sheet.html"

__all__ = ["PAGE", "WORKBOOK", "read_sheet", "write_kpi_sheet"]


def write_kpi_sheet(warehouse: Path, as_of: date, folder: Path) -> list[Path]:
    """Write the workbook and the page of a published warehouse into `folder`.

    Raises UserError if there is no warehouse, it cannot be read, is not one of this project's,
    is an older one, or was built as of another day.
    """
    with reading(warehouse) as connection:
        sheet = read_sheet(connection, as_of)
    return write_files(
        {folder / WORKBOOK: render_workbook(sheet), folder / PAGE: render_page(sheet).encode()}
    )

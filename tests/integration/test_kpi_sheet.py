"""The KPI sheet of the sample: every KPI of the registry once, with the numbers of the marts."""

from __future__ import annotations

import csv
import re
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.kpi_sheet.content import Sheet, read_sheet
from kpi_warehouse.kpi_sheet.page import render_page
from kpi_warehouse.kpi_sheet.workbook import HEADER_ROW, LIST_SHEET, render_workbook

REGISTRY = Path(__file__).resolve().parents[2] / "seeds" / "registry"


@pytest.fixture(scope="module")
def sheet(sample: BuiltWorld) -> Sheet:
    with sample.connect() as connection:
        return read_sheet(connection, sample.log.as_of_date)


def registry(name: str) -> list[dict[str, str]]:
    with (REGISTRY / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_kpi_of_the_registry_is_on_the_sheet_once(sheet):
    definitions = registry("kpi_definitions")
    expected = {row["kpi_id"] for row in definitions}
    assert expected
    worksheet = openpyxl.load_workbook(BytesIO(render_workbook(sheet)))[LIST_SHEET]
    listed = [row[3].value for row in worksheet.iter_rows(HEADER_ROW + 1) if row[3].value]
    articles = re.findall(r'<article id="kpi-(\w+)"', render_page(sheet))
    assert sorted(listed) == sorted(articles) == sorted(expected)
    assert len(sheet.versions) == len(definitions)
    assert len(sheet.policies) == len(registry("kpi_policies"))
    assert len(sheet.measures) == len(registry("measures"))


def test_every_value_is_that_of_the_marts(sheet, sample):
    marts = {
        kpi_id: numbers
        for kpi_id, *numbers in sample.query(
            f"""
            select kpi_id, numerator, denominator, value
            from marts.kpi_by_period
            where
                basis = 'event' and period_grain = 'month'
                and period_start = date '{sheet.month.first_day}'
            """
        )
    }
    shown = {
        kpi.version.kpi_id: [kpi.result.numerator, kpi.result.denominator, kpi.result.value]
        for kpi in sheet.kpis
        if kpi.result
    }
    assert shown
    assert shown == marts


def test_the_sample_has_a_target_for_some_kpis_and_none_for_others(sheet, sample):
    planned = {
        kpi_id
        for (kpi_id,) in sample.query(
            f"""
            select distinct kpi_id
            from marts.fct_targets
            where is_in_force and month = date '{sheet.month.first_day}'
            """
        )
    }
    with_target = {kpi.version.kpi_id for kpi in sheet.kpis if kpi.attainment is not None}
    assert planned
    assert with_target == planned
    assert len(with_target) < len(sheet.kpis)

"""What each KPI means, who answers for it and who signed: the KPI sheet as a page."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import words
from kpi_warehouse.dashboard.blocks import Block, Cell, Column, Heading, Table
from kpi_warehouse.dashboard.pages.page import KPI, Page
from kpi_warehouse.dashboard.view import LONG_GRAINS, Choices, View
from kpi_warehouse.kpi_sheet import wording
from kpi_warehouse.kpi_sheet.content import Kpi, Sheet, read_sheet
from kpi_warehouse.published import Text


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """The chosen KPI line by line, then all of them by phase, then who has to sign."""
    sheet = read_sheet(connection, choices.as_of)
    blocks: list[Block] = []
    chosen = next((kpi for kpi in sheet.kpis if kpi.version.kpi_id == view.kpi), None)
    if chosen:
        blocks += [Heading(view.of(chosen.version.name)), _details(chosen, sheet, view)]
    blocks.append(Heading(view.say("すべてのKPI", "All KPIs")))
    blocks += [
        _list(view.of(name), phase, members, view)
        for phase, name, members in wording.by_phase(sheet.kpis)
    ]
    blocks += [
        Heading(view.say("方針", "Policies")),
        _policies(sheet, view),
        Heading(view.say("部門の署名", "Sign-offs by department")),
        _duties(sheet, view),
    ]
    return blocks


def _details(kpi: Kpi, sheet: Sheet, view: View) -> Table:
    rows = []
    for item in wording.definition_items(kpi, sheet):
        content = item.content
        said = view.of(content) if isinstance(content, Text) else str(content)
        rows.append((Cell(view.of(item.label)), Cell(said or MISSING)))
    columns = (Column(view.say("項目", "Item")), Column(view.say("内容", "Content")))
    return Table("definition", kpi.version.kpi_id, columns, tuple(rows))


def _list(name: str, phase: str, kpis: Sequence[Kpi], view: View) -> Table:
    columns = (
        Column(view.of(words.KPI)),
        Column(view.say("定義", "Definition")),
        Column(view.say("計算式", "Formula")),
        Column(view.say("性質", "Nature")),
        Column(view.say("責任者", "Owner")),
        Column(view.say("版", "Version")),
        Column(view.say("署名", "Signed"), True),
    )
    cells, records = [], []
    for kpi in kpis:
        version = kpi.version
        texts = (
            view.of(version.name),
            view.of(version.definition),
            view.of(wording.formula(version)),
            view.of(wording.nature(version)),
            view.of(wording.owner(version)),
            str(version.version),
            wording.signature_count(version),
        )
        cells.append((Cell(texts[0], note=version.kpi_id), *map(Cell, texts[1:])))
        records.append(
            {"kpi_id": version.kpi_id}
            | {column.label: text for column, text in zip(columns, texts, strict=True)}
        )
    return Table(f"definitions_{phase}", name, columns, tuple(cells), tuple(records))


def _policies(sheet: Sheet, view: View) -> Table:
    columns = (
        Column(view.say("方針", "Policy")),
        Column(view.say("値", "Value")),
        Column(view.say("適用期間", "Validity")),
        Column(view.say("理由", "Reason")),
    )
    rows = tuple(
        (
            Cell(view.of(policy.name)),
            Cell(view.of(wording.policy_value(policy))),
            Cell(view.of(wording.validity(policy.effective_from, policy.effective_to))),
            Cell(view.of(policy.reason)),
        )
        for policy in sheet.policies
    )
    caption = view.say("数え方を決める方針", "Policies that decide what counts")
    return Table("policies", caption, columns, rows)


def _duties(sheet: Sheet, view: View) -> Table:
    columns = (
        Column(view.say("部門", "Department")),
        Column(view.say("責任を持つKPI", "KPIs owned"), True),
        Column(view.say("署名済み", "Signed"), True),
        Column(view.say("未署名", "Missing"), True),
    )
    rows = tuple(
        (
            Cell(view.of(duty.department.name), note=view.of(duty.department.role)),
            Cell(str(duty.owned)),
            Cell(str(duty.signed)),
            Cell(str(duty.missing)),
        )
        for duty in wording.duties(sheet)
    )
    caption = view.say("定義の版への署名", "Signatures under versions of definitions")
    return Table("signoffs", caption, columns, rows)


PAGE = Page(
    page_id="definitions",
    name=Text("定義(KPIシート)", "Definitions (KPI sheet)"),
    question=Text("それぞれのKPIは何を数えるか。", "What does each KPI count?"),
    icon=":material/menu_book:",
    filters=frozenset({KPI}),
    compose=compose,
    grains=LONG_GRAINS,
)

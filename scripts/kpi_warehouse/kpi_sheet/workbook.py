"""The KPI sheet as an Excel workbook: numbers that can be counted with, and pages that print."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.constants import ARC_CORE
from openpyxl.xml.functions import tostring

from kpi_warehouse.console import MISSING, display_width
from kpi_warehouse.kpi_sheet import wording
from kpi_warehouse.kpi_sheet.content import Kpi, Measure, Policy, Sheet, Text, Version
from kpi_warehouse.kpi_sheet.wording import Figure, Item, joined, word

NUMBER_FORMATS = {
    "count": "#,##0",
    "hours": "#,##0.0",
    "minutes": "#,##0.0",
    "days": "#,##0.0",
    "jpy": '"¥"#,##0',
    "rate": "0.0%",
    "ratio": "#,##0.00",
}
DATE_FORMAT = "yyyy-mm-dd"
LIST_SHEET = "KPI一覧 KPIs"
DEFINITION_SHEET = "定義 Definitions"
VERSION_SHEET = "改訂履歴 Versions"
POLICY_SHEET = "方針 Policies"
MEASURE_SHEET = "測定値 Measures"
HEADER_ROW = 3
AUTHOR = "Inside-sales KPI warehouse"

_FONT = "Yu Gothic"
_INK, _MUTED, _ALARM, _NAVY = "1F2933", "52606D", "A61B1B", "243B53"
_BAND, _LINE = "E8EEF4", "CBD2D9"
_POINTS_PER_LINE = 15.5
# a full-width character is two cells, and at ten points not quite two units of width
_UNITS_PER_CELL = 0.95
_A3, _A4 = 8, 9
_ITEM_WIDTH, _HALF = 38, 58
# what a spreadsheet would take for the start of a formula if the text were typed again
_FORMULA_STARTS = ("=", "+", "-", "@", "\t")

Content = str | Text | Figure | date | int | None


@dataclass(frozen=True)
class Column:
    """A column of a table: its label, its width in characters and what a row puts there."""

    label: Text
    width: float
    content: Callable[[Any], Content]
    is_number: bool = False


def render_workbook(sheet: Sheet) -> bytes:
    """The workbook as a file's content; the same sheet gives the same bytes."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    _list_sheet(workbook.create_sheet(LIST_SHEET), sheet)
    _definition_sheet(workbook.create_sheet(DEFINITION_SHEET), sheet)
    _version_sheet(workbook.create_sheet(VERSION_SHEET), sheet)
    _policy_sheet(workbook.create_sheet(POLICY_SHEET), sheet)
    _measure_sheet(workbook.create_sheet(MEASURE_SHEET), sheet)
    moment = datetime.combine(sheet.as_of, time())
    workbook.properties = DocumentProperties(
        title=f"{wording.TITLE.ja} / {wording.TITLE.en}",
        subject=sheet.as_of.isoformat(),
        creator=AUTHOR,
        created=moment,
        modified=moment,
        language="ja",
    )
    properties = tostring(workbook.properties.to_tree())
    stream = BytesIO()
    workbook.save(stream)
    return _with_fixed_times(stream, properties, moment)


def _with_fixed_times(stream: BytesIO, properties: bytes, moment: datetime) -> bytes:
    """The archive again, without the clock that saving put into it."""
    fixed = BytesIO()
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(fixed, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, properties if name == ARC_CORE else source.read(name))
    return fixed.getvalue()


def _list_sheet(worksheet: Worksheet, sheet: Sheet) -> None:
    month = wording.month_name(sheet.month)

    def result(name: str, kind: str | None = None) -> Callable[[Kpi], Figure]:
        return lambda kpi: Figure(
            getattr(kpi.result, name) if kpi.result else None, kind or kpi.version.unit
        )

    def numerator(kpi: Kpi) -> Figure:
        value = kpi.result.numerator if kpi.result else None
        return wording.measure_figure(kpi.version.numerator, value)

    def target(kpi: Kpi) -> Content:
        return wording.target_words(kpi) or Figure(kpi.target.value, kpi.version.unit)

    def target_of(kpi: Kpi) -> Content:
        return wording.target_note(kpi.target) if kpi.target else None

    columns = [
        Column(Text("フェーズ", "Phase"), 12, lambda kpi: word(wording.PHASES, kpi.version.phase)),
        Column(Text("KPI", "Name in Japanese"), 24, lambda kpi: kpi.version.name.ja),
        Column(Text("英語名", "Name in English"), 24, lambda kpi: kpi.version.name.en),
        Column(Text("ID", "kpi_id"), 30, lambda kpi: kpi.version.kpi_id),
        Column(Text("計算式", "Formula"), 42, lambda kpi: wording.formula(kpi.version)),
        Column(Text("単位", "Unit"), 13, lambda kpi: wording.unit(kpi.version)),
        Column(
            Text("量・質", "Nature"),
            11,
            lambda kpi: word(wording.NATURES, kpi.version.quantity_or_quality),
        ),
        Column(Text(f"実績 {month.ja}", f"Actual {month.en}"), 14, result("value"), is_number=True),
        Column(Text("分子", "Numerator"), 14, numerator, is_number=True),
        Column(Text("分母", "Denominator"), 14, wording.denominator_figure, is_number=True),
        Column(Text("95%下限", "95% low"), 10, result("ci_low", "rate"), is_number=True),
        Column(Text("95%上限", "95% high"), 10, result("ci_high", "rate"), is_number=True),
        Column(Text(f"目標 {month.ja}", f"Target {month.en}"), 14, target, is_number=True),
        Column(Text("目標の部門", "Target of"), 21, target_of),
        Column(
            Text("達成率", "Actual ÷ target"),
            11,
            lambda kpi: Figure(kpi.attainment, "rate"),
            is_number=True,
        ),
        Column(
            Text("注記", "Notes"),
            24,
            lambda kpi: joined(wording.result_notes(kpi, sheet), "、", "; "),
        ),
        Column(Text("責任部門", "Owner"), 21, lambda kpi: kpi.version.owner.name),
        Column(Text("版", "Version"), 8, lambda kpi: kpi.version.version),
        Column(Text("発効日", "In force from"), 12, lambda kpi: kpi.version.effective_from),
        Column(Text("署名", "Sign-offs"), 9, lambda kpi: wording.signature_count(kpi.version)),
    ]
    last_row = _table(worksheet, wording.TITLE, sheet, columns, sheet.kpis, _A3, frozen=2)
    for number, line in enumerate(wording.legend(sheet), start=last_row + 2):
        cell = worksheet.cell(number, 1)
        _put(cell, f"{line.ja} {line.en}")
        cell.font = _font(color=_MUTED, size=9)
        cell.alignment = _aligned(wrap=False)
    for row in worksheet.iter_rows(HEADER_ROW + 1, last_row, 2, 2):
        row[0].font = _font(bold=True)


def _definition_sheet(worksheet: Worksheet, sheet: Sheet) -> None:
    columns = [
        Column(Text("ID", "kpi_id"), 25, lambda row: row[0]),
        Column(Text("項目", "Item"), _ITEM_WIDTH, lambda row: f"{row[1].ja} {row[1].en}"),
        Column(Text("内容", "In Japanese"), _HALF, lambda row: _in_japanese(row[2])),
        Column(Text("英語", "In English"), _HALF, lambda row: _in_english(row[2])),
    ]
    name = Text("名称", "Name")
    rows: list[tuple[str, Text, Text | str | Figure]] = []
    heads, neutral = [], []
    for kpi in sheet.kpis:
        heads.append(len(rows))
        items = [
            Item("name", name, kpi.version.name),
            *wording.result_items(kpi, sheet),
            *wording.definition_items(kpi, sheet),
        ]
        for item in items:
            if not isinstance(item.content, Text):
                neutral.append(len(rows))
            rows.append((kpi.version.kpi_id, item.label, item.content))
    title = Text("KPIの定義", "Definitions of the KPIs")
    _table(worksheet, title, sheet, columns, rows, _A4)
    first_row = HEADER_ROW + 1
    for index in neutral:
        row = first_row + index
        worksheet.merge_cells(start_row=row, end_row=row, start_column=3, end_column=4)
        cell = worksheet.cell(row, 3)
        cell.alignment = _aligned("left")
        worksheet.row_dimensions[row].height = _height([(_as_text(rows[index][2]), 2 * _HALF)])
    for row in worksheet.iter_rows(first_row, first_row + len(rows) - 1, 1, 2):
        for cell in row:
            cell.font = _font(color=_MUTED, size=9)
    for index in heads:
        for cell in worksheet[first_row + index]:
            cell.fill = PatternFill("solid", fgColor=_BAND)
            if cell.column > 2:
                cell.font = _font(bold=True, size=12)
        worksheet.row_dimensions[first_row + index].height = 26


def _version_sheet(worksheet: Worksheet, sheet: Sheet) -> None:
    def signed(department_id: str) -> Callable[[Version], Content]:
        def content(version: Version) -> Content:
            for each in version.signoffs:
                if each.department.department_id == department_id:
                    return each.signed_on or wording.UNSIGNED
            return wording.NOT_REQUIRED

        return content

    columns = [
        Column(Text("ID", "kpi_id"), 25, lambda version: version.kpi_id),
        Column(Text("名称", "Name"), 24, lambda version: version.name),
        Column(Text("版", "Version"), 8, lambda version: version.version),
        Column(Text("状態", "Status"), 11, lambda version: word(wording.STATUSES, version.status)),
        Column(
            Text("公開", "Publication"),
            14,
            lambda version: wording.STATES[wording.state_of(version, sheet.as_of)],
        ),
        Column(Text("発効日", "From"), 12, lambda version: version.effective_from),
        Column(Text("終了日", "To"), 12, lambda version: version.effective_to),
        Column(Text("計算式", "Formula"), 36, wording.formula),
        Column(Text("定義", "Definition"), 50, lambda version: version.definition),
        Column(Text("変更内容", "Change"), 24, lambda version: version.change),
        Column(Text("変更理由", "Reason"), 24, lambda version: version.change_reason),
        Column(Text("責任部門", "Owner"), 21, lambda version: version.owner.name),
        *(
            Column(
                Text(f"署名 {each.name.ja}", f"Signed, {each.name.en}"),
                18,
                signed(each.department_id),
            )
            for each in sheet.departments
        ),
    ]
    title = Text("定義の改訂履歴", "Versions of the definitions")
    last_row = _table(worksheet, title, sheet, columns, sheet.versions, _A3, frozen=3)
    unsigned = _as_text(wording.UNSIGNED)
    for row in worksheet.iter_rows(HEADER_ROW + 1, last_row):
        for cell in row:
            if cell.value == unsigned:
                cell.font = _font(bold=True, color=_ALARM)


def _policy_sheet(worksheet: Worksheet, sheet: Sheet) -> None:
    def state(policy: Policy) -> Text:
        if policy.is_in_force(sheet.as_of):
            return wording.STATES["in_force"]
        return wording.STATES["awaited" if policy.effective_from > sheet.as_of else "past"]

    def code(policy: Policy) -> Content:
        return int(policy.code) if policy.code.isdecimal() else policy.code

    columns = [
        Column(Text("ID", "policy_id"), 25, lambda policy: policy.policy_id),
        Column(Text("名称", "Name"), 32, lambda policy: policy.name),
        Column(Text("値", "Value"), 30, lambda policy: policy.value),
        Column(Text("コード", "Code"), 21, code),
        Column(Text("状態", "Status"), 14, state),
        Column(Text("発効日", "From"), 12, lambda policy: policy.effective_from),
        Column(Text("終了日", "To"), 12, lambda policy: policy.effective_to),
        Column(
            Text("取りうる値", "Allowed values"),
            21,
            lambda policy: policy.allowed_values.replace("|", "\n"),
        ),
        Column(Text("理由", "Reason"), 50, lambda policy: policy.reason),
    ]
    title = Text("方針とその値", "Policies and their values")
    _table(worksheet, title, sheet, columns, sheet.policies, _A4, frozen=1)


def _measure_sheet(worksheet: Worksheet, sheet: Sheet) -> None:
    def users(measure: Measure) -> Text:
        return joined(kpi.version.name for kpi in sheet.users_of(measure))

    def policies(measure: Measure) -> Text:
        return joined(sheet.policy_name(each) for each in measure.policy_ids)

    columns = [
        Column(Text("ID", "measure_id"), 25, lambda measure: measure.measure_id),
        Column(Text("名称", "Name"), 26, lambda measure: measure.name),
        Column(Text("集計", "Total"), 14, lambda measure: word(wording.TOTALS, measure.unit)),
        Column(Text("数えるもの", "What it counts"), 40, lambda measure: measure.counts),
        Column(Text("方針", "Policies"), 34, policies),
        Column(Text("参照項目", "Source fields"), 58, wording.fields),
        Column(Text("モデル", "Model"), 23, lambda measure: measure.source_model),
        Column(Text("使うKPI", "Used by"), 40, users),
    ]
    title = Text("測定値:KPIの分子と分母", "Measures: numerators and denominators")
    _table(worksheet, title, sheet, columns, sheet.measures, _A3, frozen=1)


def _table(
    worksheet: Worksheet,
    title: Text,
    sheet: Sheet,
    columns: Sequence[Column],
    rows: Sequence[Any],
    paper: int,
    frozen: int = 0,
) -> int:
    """Title, header and rows, set up for the screen and for paper; returns the last row."""
    cell = worksheet.cell(1, 1)
    _put(cell, f"{title.ja}  {title.en}")
    cell.font, cell.alignment = _font(bold=True, size=15, color=_NAVY), _aligned(wrap=False)
    cell = worksheet.cell(2, 1)
    _put(cell, f"{sheet.as_of} 時点 As of {sheet.as_of}")
    cell.font, cell.alignment = _font(color=_MUTED, size=9), _aligned(wrap=False)
    worksheet.row_dimensions[1].height, worksheet.row_dimensions[2].height = 26, 18
    rule = Border(bottom=Side("thin", color=_LINE))
    for number, column in enumerate(columns, start=1):
        worksheet.column_dimensions[get_column_letter(number)].width = column.width
        cell = worksheet.cell(HEADER_ROW, number)
        _put(cell, column.label)
        cell.font = _font(bold=True, color="FFFFFF", size=9)
        cell.fill = PatternFill("solid", fgColor=_NAVY)
        cell.alignment = _aligned("right" if column.is_number else "left", "center")
    worksheet.row_dimensions[HEADER_ROW].height = _height(
        [(_as_text(column.label), column.width) for column in columns]
    )
    for row_number, row in enumerate(rows, start=HEADER_ROW + 1):
        texts = []
        for number, column in enumerate(columns, start=1):
            cell = worksheet.cell(row_number, number)
            content = column.content(row)
            cell.font, cell.border = _font(), rule
            _put(cell, content)
            if isinstance(content, str | Text):
                texts.append((_as_text(content), column.width))
        worksheet.row_dimensions[row_number].height = _height(texts)
    last_row = HEADER_ROW + len(rows)
    last_column = get_column_letter(len(columns))
    worksheet.freeze_panes = worksheet.cell(HEADER_ROW + 1, frozen + 1)
    worksheet.auto_filter.ref = f"A{HEADER_ROW}:{last_column}{last_row}"
    worksheet.sheet_view.showGridLines = False
    worksheet.sheet_view.zoomScale = 90
    worksheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
    worksheet.page_setup.orientation = "landscape"
    worksheet.page_setup.paperSize = paper
    worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight = 1, 0
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    margins = worksheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom, margins.header, margins.footer = 0.5, 0.6, 0.3, 0.3
    worksheet.print_options.horizontalCentered = True
    worksheet.oddFooter.left.text = f"{wording.TITLE.ja} {title.ja} {sheet.as_of}"
    worksheet.oddFooter.right.text = "&P / &N"
    return last_row


def _put(cell: Cell, content: Content) -> None:
    """Write a value as what it is: a number, a date, or a text that is never a formula."""
    if isinstance(content, Figure) and content.value is not None:
        cell.value = content.value
        cell.number_format = NUMBER_FORMATS[content.kind]
        cell.alignment = _aligned("right")
        return
    if isinstance(content, date):
        cell.value = content
        cell.number_format = DATE_FORMAT
        cell.alignment = _aligned("left")
        return
    if isinstance(content, int):
        cell.value = content
        cell.alignment = _aligned("left")
        return
    text = _as_text(content)
    cell.value = text
    # openpyxl would take "=…" for a formula and "#N/A" for an error
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(_FORMULA_STARTS)
    cell.alignment = _aligned("right" if isinstance(content, Figure) else "left")


def _as_text(content: Content) -> str:
    if isinstance(content, Text):
        both = dict.fromkeys(each for each in (content.ja, content.en) if each)
        return "\n".join(both) or MISSING
    return str(content) if content not in (None, "") else MISSING


def _in_japanese(content: Text | str | Figure) -> Content:
    return content.ja if isinstance(content, Text) else content


def _in_english(content: Text | str | Figure) -> Content:
    return content.en if isinstance(content, Text) else ""


def _height(texts: Sequence[tuple[str, float]]) -> float:
    """Points that a row needs for texts in columns of given widths, wrapped."""
    lines = [
        sum(
            max(1, math.ceil(_UNITS_PER_CELL * display_width(paragraph) / (width - 1.5)))
            for paragraph in text.split("\n")
        )
        for text, width in texts
    ]
    return max(lines, default=1) * _POINTS_PER_LINE + 5


def _aligned(side: str = "left", vertical: str = "top", wrap: bool = True) -> Alignment:
    return Alignment(horizontal=side, vertical=vertical, wrap_text=wrap, indent=1 if wrap else 0)


def _font(bold: bool = False, color: str = _INK, size: float = 10) -> Font:
    return Font(name=_FONT, bold=bold, color=color, size=size)

"""The charts, as Vega-Lite with their data: what looks alike is drawn by one function.

Text is written beforehand, so that a chart says a number as the table beside it does. Colours pass
4.5 : 1 on white where they carry text and 3 : 1 where they are lines; what they tell is told by a
shape or a word as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from kpi_warehouse.dashboard.blocks import Spec
from kpi_warehouse.review.numbers import JA

INK, MUTED, LINE = "#1f2933", "#52606d", "#cbd2d9"
NAVY, BLUE, GREY, AMBER = "#243b53", "#2b6cb0", "#8a94a0", "#8a4b08"
# told apart with any kind of colour blindness (Okabe and Ito), darkened to 3 : 1 on white
SERIES = ("#0072b2", "#b8590a", "#00805e", "#a8558a", "#6b6100", "#3a3a3a")
FONT = "Hiragino Sans, Yu Gothic UI, Meiryo, Noto Sans CJK JP, Noto Sans JP, sans-serif"
_SMALL_LABEL, _ROW_HEIGHT, _PANEL = 11, 24, 84

Rows = Sequence[Mapping[str, Any]]


def trend(rows: Rows, unit: str, language: str, tips: Mapping[str, str]) -> Spec:
    """A KPI over time: line, interval, targets; hollow where the period is not settled.

    Each row has label, value, low, high, target, is_settled, is_small and the texts that `tips`
    names, by their label.
    """
    base = alt.Chart(alt.Data(values=list(rows)))
    x = alt.X("label:O", sort=None, title=None, axis=_axis(labelAngle=-45, labelOverlap=True))
    scale = alt.Scale(zero=unit != "rate", nice=True)
    y = alt.Y("value:Q", title=None, scale=scale, axis=_axis(**_ticks(unit, language)))
    tooltip = [alt.Tooltip(f"{name}:N", title=label) for name, label in tips.items()]
    band = base.mark_area(color=BLUE, opacity=0.14).encode(
        x=x, y=alt.Y("low:Q", scale=scale, title=None), y2="high:Q"
    )
    line = (
        base.mark_line(color=NAVY, strokeWidth=2)
        .transform_filter("datum.is_settled")
        .encode(x=x, y=y)
    )
    points = base.mark_point(size=46, strokeWidth=2, opacity=1).encode(
        x=x,
        y=y,
        color=alt.condition("datum.is_small", alt.value(GREY), alt.value(NAVY)),
        fill=alt.condition(
            "datum.is_settled && !datum.is_small", alt.value(NAVY), alt.value("#fff")
        ),
        tooltip=tooltip,
    )
    target = base.mark_tick(color=AMBER, thickness=3, width=18).encode(
        x=x, y=alt.Y("target:Q", scale=scale, title=None), tooltip=tooltip
    )
    return _finished((band + line + target + points).properties(width="container", height=300))


def small_multiples(
    rows: Rows, unit: str, language: str, tips: Mapping[str, str], columns: int = 4
) -> Spec:
    """A KPI over time, a panel per series, of one scale each where it is a count.

    Each row has series, label, value, is_settled, is_small and the texts of `tips`.
    """
    is_rate = unit == "rate"
    series = list(dict.fromkeys(row["series"] for row in rows))
    base = alt.Chart()
    x = alt.X("label:O", sort=None, title=None, axis=alt.Axis(labels=False, ticks=False))
    axis = _axis(tickCount=3, **_ticks(unit, language))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True), axis=axis)
    tooltip = [alt.Tooltip(f"{name}:N", title=label) for name, label in tips.items()]
    line = base.mark_line(color=NAVY, strokeWidth=1.5).transform_filter("datum.is_settled")
    points = base.mark_point(size=18, filled=True, opacity=1).encode(
        color=alt.condition(
            "datum.is_small || !datum.is_settled", alt.value(GREY), alt.value(NAVY)
        ),
        tooltip=tooltip,
    )
    chart = (
        alt.layer(line.encode(x=x, y=y), points.encode(x=x, y=y))
        .properties(width=210, height=90)
        .facet(
            facet=alt.Facet("series:N", sort=series, title=None, header=_header()),
            columns=columns,
            data=alt.Data(values=list(rows)),
        )
        .resolve_scale(y="shared" if is_rate else "independent")
    )
    return _finished(chart)


def bars_by_step(rows: Rows, tips: Mapping[str, str], steps: Sequence[str]) -> Spec:
    """A panel per step of the funnel, a bar per channel; each panel by its own scale.

    Each row has step, channel, value, text and the texts of `tips`.
    """
    tooltip = [alt.Tooltip(f"{name}:N", title=label) for name, label in tips.items()]
    panels = []
    for number, step in enumerate(steps):
        base = alt.Chart(alt.Data(values=[row for row in rows if row["step"] == step]))
        axis = _axis(labelLimit=110, ticks=False, domain=False) if number == 0 else None
        y = alt.Y("channel:N", sort=None, title=None, axis=axis)
        largest = max((row["value"] or 0 for row in rows if row["step"] == step), default=0)
        # room for the number beside the longest bar
        scale = alt.Scale(domain=[0, (largest or 1) * 1.75], nice=False)
        x = alt.X("value:Q", title=None, axis=None, scale=scale)
        bars = base.mark_bar(color=BLUE, height={"band": 0.7}).encode(x=x, y=y, tooltip=tooltip)
        text = base.mark_text(align="left", dx=4, color=INK, fontSize=11).encode(
            x=x, y=y, text="text:N"
        )
        panels.append(
            (bars + text).properties(
                width=_PANEL,
                height={"step": _ROW_HEIGHT},
                title=alt.TitleParams(step, fontSize=12, anchor="start", color=NAVY),
            )
        )
    return _finished(alt.hconcat(*panels, spacing=6))


def heat_map(
    rows: Rows,
    tips: Mapping[str, str],
    x_title: str,
    columns: Sequence[str],
) -> Spec:
    """Rates in a grid, with their text; grey and bordered where the sample is small.

    Each row has x, y, value, text, is_small and the texts of `tips`.
    """
    tooltip = [alt.Tooltip(f"{name}:N", title=label) for name, label in tips.items()]
    base = alt.Chart(alt.Data(values=list(rows)))
    x = alt.X(
        "x:O",
        sort=list(columns),
        title=x_title,
        scale=alt.Scale(domain=list(columns)),
        axis=_axis(labelAngle=0, orient="top"),
    )
    y = alt.Y("y:O", sort=None, title=None, axis=_axis(labelLimit=160))
    # even the darkest carries dark text
    largest = max((row["value"] for row in rows if not row["is_small"]), default=0)
    scale = alt.Scale(range=["#f4f9fd", "#6aa3d8"], domain=[0, largest or 1])
    cells = base.mark_rect(stroke="#fff", strokeWidth=1).encode(
        x=x,
        y=y,
        color=alt.condition(
            "datum.is_small",
            alt.value("#eef1f4"),
            alt.Color("value:Q", scale=scale, legend=None),
        ),
        tooltip=tooltip,
    )
    text = base.mark_text(fontSize=11).encode(
        x=x,
        y=y,
        text="text:N",
        color=alt.condition("datum.is_small", alt.value(MUTED), alt.value(INK)),
        tooltip=tooltip,
    )
    return _finished((cells + text).properties(width="container", height={"step": 28}))


def dots(rows: Rows, unit: str, language: str, tips: Mapping[str, str]) -> Spec:
    """A dot per rep with its interval, a panel of rows per team; a rule at the team's median.

    Each row has name, team, value, low, high, median, is_small and the texts of `tips`.
    """
    tooltip = [alt.Tooltip(f"{name}:N", title=label) for name, label in tips.items()]
    teams = list(dict.fromkeys(row["team"] for row in rows))
    largest = max((row["high"] or row["value"] or 0 for row in rows), default=0)
    scale = alt.Scale(domain=[0, (largest or 1) * 1.05], nice=False)
    panels = []
    for team in teams:
        base = alt.Chart(alt.Data(values=[row for row in rows if row["team"] == team]))
        y = alt.Y("name:N", sort=None, title=None, axis=_axis(labelLimit=150))
        axis = _axis(**_ticks(unit, language))
        x = alt.X("value:Q", title=None, scale=scale, axis=axis)
        interval = base.mark_rule(color=GREY, strokeWidth=2).encode(
            x=alt.X("low:Q", scale=scale, title=None), x2="high:Q", y=y
        )
        median = base.mark_rule(color=AMBER, strokeDash=[4, 3]).encode(
            x=alt.X("max(median):Q", scale=scale, title=None)
        )
        points = base.mark_point(size=70, filled=True, opacity=1).encode(
            x=x,
            y=y,
            color=alt.condition("datum.is_small", alt.value(GREY), alt.value(NAVY)),
            tooltip=tooltip,
        )
        panels.append(
            (interval + median + points).properties(
                width=560,
                height={"step": _ROW_HEIGHT},
                title=alt.TitleParams(team, fontSize=13, anchor="start", color=NAVY),
            )
        )
    return _finished(alt.vconcat(*panels))


def bullets(rows: Rows, tips: Mapping[str, str], caption: str) -> Spec:
    """Attainment as bars against a rule at 100 %.

    Each row has label, share (1 is 100 %), text, ink and the texts of `tips`.
    """
    tooltip = [alt.Tooltip(f"{name}:N", title=label) for name, label in tips.items()]
    base = alt.Chart(alt.Data(values=list(rows)))
    largest = max((row["share"] or 0 for row in rows), default=1)
    # beyond twice the target a longer bar says nothing more
    scale = alt.Scale(domain=[0, min(max(largest, 1) * 1.2, 2.2)], clamp=True, nice=False)
    y = alt.Y("label:N", sort=None, title=None, axis=_axis(labelLimit=260))
    x = alt.X("share:Q", title=caption, scale=scale, axis=_axis(format="%", tickCount=5))
    bars = base.mark_bar(height={"band": 0.6}).encode(
        x=x, y=y, color=alt.Color("ink:N", scale=None, legend=None), tooltip=tooltip
    )
    text = base.mark_text(align="left", dx=4, color=INK, fontSize=11).encode(
        x=x, y=y, text="text:N"
    )
    rule = (
        alt.Chart(alt.Data(values=[{"target": 1}]))
        .mark_rule(color=INK, strokeWidth=1.5)
        .encode(x=alt.X("target:Q", scale=scale, title=caption))
    )
    chart = (bars + rule + text).properties(width="container", height={"step": _ROW_HEIGHT})
    return _finished(chart)


def _ticks(unit: str, language: str) -> dict[str, Any]:
    if unit == "rate":
        return {"format": ".0%"}
    if unit == "jpy" and language == JA:
        return {"labelExpr": "datum.value ? format(datum.value / 10000, ',') + '万円' : '0'"}
    if unit == "jpy":
        return {"labelExpr": "'¥' + format(datum.value, '~s')"}
    return {"format": ",~r"}


def _axis(**options: Any) -> alt.Axis:
    return alt.Axis(**{"labelFontSize": _SMALL_LABEL, **options})


def _header() -> alt.Header:
    return alt.Header(labelFontSize=12, labelColor=NAVY, labelAnchor="start", labelFontWeight=600)


def _finished(chart: alt.TopLevelMixin) -> Spec:
    spec = (
        chart.configure(font=FONT, background="#ffffff")
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            gridColor="#e4e7eb",
            domainColor=LINE,
            titleFontSize=12,
        )
        .configure_view(stroke=None)
        .to_dict()
    )
    # drawn as shapes: sharp in print, and readable where it is tested
    spec["usermeta"] = {"embedOptions": {"renderer": "svg", "actions": False}}
    return spec

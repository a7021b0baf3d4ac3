"""What Streamlit runs: navigation, filters, and the blocks of a page.

    streamlit run scripts/kpi_warehouse/dashboard/app/main.py

`make dashboard` is the same with the settings it needs. The marts are opened, read and closed for
each page; what was read of a version is kept while somebody looks at it.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

# Streamlit puts the folder of the script on the path, not the one of the package
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import streamlit as st

from kpi_warehouse.dashboard import words
from kpi_warehouse.dashboard.blocks import Block, Chart, Facts, Heading, Note, Table
from kpi_warehouse.dashboard.html import chart_title_html, facts_html, styles, table_html
from kpi_warehouse.dashboard.pages import PAGES, Page
from kpi_warehouse.dashboard.pages.page import BASIS, CHANNEL, KPI, PERIOD, SINCE, STAGE, TEAM
from kpi_warehouse.dashboard.view import (
    ALL,
    BASES,
    GRAINS,
    Choices,
    Kpi,
    Period,
    View,
    from_query,
    read_choices,
)
from kpi_warehouse.errors import UserError
from kpi_warehouse.kpi_sheet.wording import PHASES, word
from kpi_warehouse.published import Text, reading
from kpi_warehouse.publishing.store import Store, Version
from kpi_warehouse.review.numbers import EN, JA
from kpi_warehouse.settings import Settings
from kpi_warehouse.spreadsheet_text import neutralise

_LANGUAGES = {JA: "日本語", EN: "English"}
# versions and views that are kept in memory
_KEPT_VERSIONS, _KEPT_VIEWS = 2, 200


def run() -> None:
    """Run the app once, as Streamlit does at each look and each click."""
    # an icon of the Material set would be fetched from its maker's server
    st.set_page_config(page_title=words.TITLE.ja, page_icon="📞", layout="wide")
    st.html(f"<style>{styles()}{_own_styles()}</style>")
    version = _current()
    if version is None:
        return
    try:
        choices = _choices(str(version.folder), date.fromisoformat(_as_of(version)))
        query = st.query_params.to_dict()
        page = next((each for each in PAGES if each.page_id == query.get("page")), PAGES[0])
        _show(page, version, from_query(query, choices), choices)
    except UserError as error:
        _explain(error)


def _current() -> Version | None:
    """The version that is published now; without one, a page that says what to do."""
    try:
        store = Store(Settings.from_environment(os.environ).publish_dir)
        version = store.current
        if version is not None:
            _ = version.publication
            return version
    except UserError as error:
        _explain(error)
        return None
    st.title(words.TITLE.ja)
    st.warning("公開されたデータがまだありません。 Nothing is published yet.")
    st.markdown(
        "`make build` を実行すると、検査を通ったデータが公開され、ここに表示されます。\n\n"
        "Run `make build`: what passes its tests is published, and shown here."
    )
    return None


def _explain(error: UserError) -> None:
    st.title(words.TITLE.ja)
    st.error("公開データを読めません。 The published data cannot be read.")
    # of several lines none holds data; a path is for who runs the dashboard, not for who looks
    st.markdown(f"対処 What to do: {_plain(error.mend)}")


def _as_of(version: Version) -> str:
    return version.publication["as_of_date"]


@st.cache_data(max_entries=_KEPT_VERSIONS, show_spinner=False)
def _choices(folder: str, as_of: date) -> Choices:
    with reading(Path(folder)) as connection:
        return read_choices(connection, as_of)


@st.cache_data(max_entries=_KEPT_VIEWS, show_spinner=False)
def _blocks(folder: str, page_id: str, view: View, _known: Choices) -> Sequence[Block]:
    page = next(each for each in PAGES if each.page_id == page_id)
    with reading(Path(folder)) as connection:
        return page.compose(connection, view, _known)


def _show(page: Page, version: Version, view: View, choices: Choices) -> None:
    """One page: the navigation and the filters at the side, the blocks beside them."""
    with st.sidebar:
        view = replace(view, language=_language(view))
        _navigation(page, view)
        view = _filters(page, view, choices)
        _publication(version, view)
    _write_address(page, view)
    # Streamlit's page says that it is English; a screen reader would read Japanese so
    st.html(
        f"<script>document.documentElement.lang = '{view.language}'</script>",
        unsafe_allow_javascript=True,
    )
    st.title(view.of(page.name), anchor=False)
    st.caption(view.of(page.question))
    blocks = _blocks(str(version.folder), page.page_id, view, choices)
    for number, block in enumerate(blocks):
        _render(block, number, view)


def _language(view: View) -> str:
    _follow_address("lang", view.language, _LANGUAGES)
    chosen = st.segmented_control(
        "言語 Language",
        list(_LANGUAGES),
        format_func=_LANGUAGES.get,
        key="lang",
        label_visibility="collapsed",
        required=True,
    )
    st.session_state["_lang"] = chosen
    return chosen


def _navigation(shown: Page, view: View) -> None:
    # not Streamlit's own pages: their addresses lose the filters, and opened directly each asks
    # the server for what is not there
    for page in PAGES:
        st.button(
            view.of(page.name),
            key=f"page_{page.page_id}",
            icon=page.icon,
            type="primary" if page is shown else "tertiary",
            width="stretch",
            on_click=_go_to,
            args=(page.page_id,),
        )


def _go_to(page_id: str) -> None:
    st.query_params["page"] = page_id


def _filters(page: Page, view: View, choices: Choices) -> View:
    """The filters that the page heeds, each with the value that the address gives it."""
    if not page.filters:
        return view
    st.markdown(f"**{view.say('絞り込み', 'Filters')}**")
    if PERIOD in page.filters:
        view = _period(page, view, choices)
    if KPI in page.filters:
        view = replace(view, kpi=_kpi(page, view, choices))
    if STAGE in page.filters:
        stage = _select(view.say("段階", "Stage"), "stage", choices.stages, view.stage, view)
        view = replace(view, stage=stage)
    if CHANNEL in page.filters:
        names = {ALL: words.ALL_CHANNELS} | dict(choices.channels)
        channel = _select(view.of(words.CHANNEL), "channel", names, view.channel, view)
        view = replace(view, channel=channel)
    if TEAM in page.filters and choices.teams:
        teams = {ALL: words.ALL_TEAMS} | {team: Text(team, team) for team in choices.teams}
        view = replace(view, team=_select(view.of(words.TEAM), "team", teams, view.team, view))
    if BASIS in page.filters:
        basis = _select(view.of(words.BASIS), "basis", BASES, view.basis, view)
        view = replace(view, basis=basis)
    return view


def _period(page: Page, view: View, choices: Choices) -> View:
    grains = {grain: GRAINS[grain] for grain in page.grains if grain in choices.periods}
    if view.grain not in grains:
        view = view.of_long_grain(choices) if len(grains) > 1 else view.of_grain(choices, *grains)
    if len(grains) > 1:
        grain = _select(view.say("粒度", "Grain"), "grain", grains, view.grain, view)
        if grain != view.grain:
            view = view.of_grain(choices, grain)
    periods = {period.start.isoformat(): period for period in choices.periods[view.grain]}
    names = {start: _period_name(period) for start, period in reversed(periods.items())}
    start = _select(
        view.of(words.PERIOD), f"period_{view.grain}", names, view.period.start.isoformat(), view
    )
    view = replace(view, period=periods[start])
    if view.since.start > view.period.start:
        view = replace(view, since=view.period)
    if SINCE in page.filters:
        earlier = {
            start: name for start, name in names.items() if start <= view.period.start.isoformat()
        }
        label = view.say("推移の開始", "Trend from")
        key = f"from_{view.grain}"
        since = _select(label, key, earlier, view.since.start.isoformat(), view)
        view = replace(view, since=periods[since])
    return view


def _period_name(period: Period) -> Text:
    label = period.label
    if period.is_complete:
        return label
    return Text(f"{label.ja}(途中)", f"{label.en} (in progress)")


def _kpi(page: Page, view: View, choices: Choices) -> str:
    def name(kpi: Kpi) -> Text:
        phase = word(PHASES, kpi.phase)
        return Text(f"{kpi.name.ja}({phase.ja})", f"{kpi.name.en} ({phase.en})")

    wanted = {kpi_id: name(kpi) for kpi_id, kpi in choices.kpis.items() if page.takes(kpi)}
    chosen = view.kpi if view.kpi in wanted else next(iter(wanted))
    return _select(view.of(words.KPI), "kpi", wanted, chosen, view)


def _select(label: str, key: str, names: Mapping[str, Text], value: str, view: View) -> str:
    """A select box whose value is the one of the address, by the names of its language."""
    options = list(names)
    _follow_address(key, value if value in names else options[0], names)
    chosen = st.selectbox(
        label, options, format_func=lambda option: view.of(names[option]), key=key
    )
    st.session_state[f"_{key}"] = chosen
    return chosen


def _follow_address(key: str, value: str, known: Mapping[str, object]) -> None:
    """Set a box to what the address says, if that has changed beside it: by a link, or back."""
    if st.session_state.get(key) not in known or st.session_state.get(f"_{key}") != value:
        st.session_state[key] = value


def _write_address(page: Page, view: View) -> None:
    query = {"page": page.page_id} | view.to_query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def _publication(version: Version, view: View) -> None:
    as_of = _as_of(version)
    published = version.publication["published_at"][:16].replace("T", " ")
    st.caption(
        view.say(
            f"基準日 {as_of} ・ 公開 {published} UTC",
            f"As of {as_of} · published {published} UTC",
        )
    )


def _render(block: Block, number: int, view: View) -> None:
    renderers: dict[type, Callable] = {
        Heading: lambda each: st.header(_plain(each.text), anchor=False),
        Note: lambda each: (st.warning if each.is_warning else st.caption)(_plain(each.text)),
        Facts: lambda each: st.html(facts_html(each)),
        Chart: _chart,
        Table: lambda each: _table(each, number, view),
    }
    renderers[type(block)](block)


def _chart(chart: Chart) -> None:
    st.html(chart_title_html(chart))
    # what consists of several panels has a width of its own
    width = "stretch" if chart.spec.get("width") == "container" else "content"
    st.vega_lite_chart(spec=chart.spec, theme=None, width=width, alt=chart.alt)


def _table(table: Table, number: int, view: View) -> None:
    st.html(table_html(table))
    if not table.records:
        return
    st.download_button(
        view.say("CSVをダウンロード", "Download as CSV"),
        data=to_csv(table.records),
        file_name=f"{table.name}.csv",
        mime="text/csv",
        key=f"download_{number}_{table.name}",
        on_click="ignore",
        icon=":material/download:",
    )


def to_csv(records: Sequence[Mapping[str, object]]) -> bytes:
    """The rows of a download; a mark at its start tells Excel that it is UTF-8.

    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    columns = list(dict.fromkeys(column for record in records for column in record))
    writer.writerow(map(neutralise, columns))
    for record in records:
        values = [record.get(column) for column in columns]
        writer.writerow(neutralise(value) if isinstance(value, str) else value for value in values)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()<>#+-.!|$~:" else char for char in text)


def _own_styles() -> str:
    return (Path(__file__).parent / "main.css").read_text("utf-8")


if __name__ == "__main__":
    run()

"""The app as Streamlit runs it: filters, address, language, and what it says without data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kpi_warehouse.dashboard.pages import PAGES
from kpi_warehouse.dashboard.view import Choices
from kpi_warehouse.publishing import Store

pytest.importorskip("streamlit", reason="group dashboard is not installed")

from streamlit.testing.v1 import AppTest

from kpi_warehouse.dashboard.app import main

APP = main.__file__


@pytest.fixture
def app(store: Store, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("PUBLISH_DIR", str(store.folder))
    return AppTest.from_file(APP, default_timeout=60)


def html_of(app: AppTest) -> str:
    return " ".join(str(each.proto.body) for each in app.get("html"))


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.page_id)
def test_each_page_has_its_title_and_question(app: AppTest, page: object, language: str) -> None:
    app.query_params.update({"page": page.page_id, "lang": language})
    app.run()
    assert not app.exception
    assert app.title[0].value == getattr(page.name, language)
    assert getattr(page.question, language) in [caption.value for caption in app.caption]
    labels = {box.key for box in app.selectbox}
    wanted = {"kpi", "stage", "channel", "team", "basis"} & page.filters
    assert wanted <= labels
    assert not (labels & {"kpi", "stage", "channel", "team", "basis"}) - wanted


def test_a_filter_changes_what_is_shown_and_the_address(app: AppTest) -> None:
    app.run()
    before = html_of(app)
    app.selectbox("channel").select("web_inquiry").run()
    assert app.query_params["channel"] == "web_inquiry"
    assert html_of(app) != before
    app.selectbox("basis").select("cohort").run()
    assert app.query_params["basis"] == "cohort"
    assert app.query_params["channel"] == "web_inquiry"
    app.selectbox("grain").select("quarter").run()
    assert app.query_params["period"] == "2026-07-01"
    assert not app.exception


def test_an_address_restores_what_was_shown(app: AppTest, store: Store) -> None:
    query = {
        "page": "trends",
        "lang": "en",
        "grain": "week",
        "period": "2026-09-21",
        "from": "2026-06-01",
        "channel": "web_inquiry",
        "basis": "cohort",
        "kpi": "meeting_rate",
    }
    app.query_params.update(query)
    app.run()
    shown = {name: app.query_params[name] for name in query}
    assert shown == query
    assert app.selectbox("kpi").value == "meeting_rate"
    assert app.selectbox("from_week").value == "2026-06-01"
    again = AppTest.from_file(APP, default_timeout=60)
    again.query_params.update(shown)
    again.run()
    assert html_of(again) == html_of(app)


def test_the_navigation_keeps_the_filters(app: AppTest) -> None:
    app.run()
    app.selectbox("channel").select("web_inquiry").run()
    app.button("page_cohorts").click().run()
    assert app.title[0].value == "コホート"
    assert app.selectbox("channel").value == "web_inquiry"
    app.selectbox("channel").select("all").run()
    app.button("page_funnel").click().run()
    assert app.selectbox("channel").value == "all"


def test_the_language_changes_labels_and_nothing_else(app: AppTest) -> None:
    app.run()
    app.selectbox("channel").select("web_inquiry").run()
    app.get("button_group")[0].set_value("en").run()
    assert app.title[0].value == "Funnel"
    assert app.query_params["lang"] == "en"
    assert app.selectbox("channel").value == "web_inquiry"
    assert "Web inquiry" in app.selectbox("channel").options


def test_an_address_that_nobody_knows_is_the_first_page(app: AppTest) -> None:
    app.query_params.update({"page": "<b>x</b>", "channel": "no_such", "period": "soon"})
    app.run()
    assert not app.exception
    assert app.title[0].value == "ファネル"
    assert "channel" not in app.query_params


def test_a_new_publication_is_shown_at_the_next_look(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "published"
    (published / "versions").mkdir(parents=True)
    first, second = "20260101T000000Z", "20260102T000000Z"
    for name in (first, second):
        folder = published / "versions" / name
        folder.mkdir()
        for each in store.current.folder.iterdir():
            (folder / each.name).symlink_to(each)
    publication = json.loads((store.current.folder / "publication.json").read_text("utf-8"))
    changed = published / "versions" / second / "publication.json"
    changed.unlink()
    changed.write_text(json.dumps(publication | {"published_at": "2026-12-24T00:00:00+00:00"}))
    (published / "current").symlink_to(Path("versions") / first)
    monkeypatch.setenv("PUBLISH_DIR", str(published))
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert "2026-12-24" not in str(app.caption)
    (published / "current").unlink()
    (published / "current").symlink_to(Path("versions") / second)
    app.run()
    assert any("2026-12-24 00:00" in caption.value for caption in app.caption)


def test_without_a_publication_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISH_DIR", str(tmp_path / "nothing"))
    app = AppTest.from_file(APP).run()
    assert not app.exception
    assert "まだありません" in app.warning[0].value
    assert "make build" in app.markdown[0].value


@pytest.mark.parametrize("what", ["kpi_warehouse.duckdb", "publication.json"])
def test_a_publication_that_cannot_be_read_is_a_line(
    what: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "published" / "versions" / "20260101T000000Z"
    folder.mkdir(parents=True)
    for each in store.current.folder.iterdir():
        (folder / each.name).symlink_to(each)
    (folder / what).unlink()
    (folder / what).write_text("no such thing")
    (tmp_path / "published" / "current").symlink_to(Path("versions") / folder.name)
    monkeypatch.setenv("PUBLISH_DIR", str(tmp_path / "published"))
    app = AppTest.from_file(APP).run()
    assert not app.exception
    assert "読めません" in app.error[0].value
    assert str(tmp_path) not in str(app.markdown)


def test_every_filter_box_names_only_what_can_be_looked_at(app: AppTest, choices: Choices) -> None:
    app.query_params.update({"page": "trends"})
    app.run()
    assert len(app.selectbox("channel").options) == len(choices.channels) + 1
    assert len(app.selectbox("kpi").options) == len(choices.kpis)
    assert len(app.selectbox("period_month").options) == len(choices.periods["month"])

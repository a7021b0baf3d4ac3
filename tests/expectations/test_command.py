"""`make quality`: what it says, how it exits, and what its Data Docs hold."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from expectations.conftest import LandingCopy, settings_of
from integration.conftest import BuiltWorld
from kpi_warehouse.errors import BuildError, UserError
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR
from kpi_warehouse.quality.command import check_quality
from kpi_warehouse.quality.data_docs import without_network
from kpi_warehouse.settings import Settings
from kpi_warehouse.world import WorldOptions, write_sample

pytest.importorskip("great_expectations", reason="group quality is not installed")

# whatever makes a browser ask somebody: an attribute or a style that loads, a script
LOADS = re.compile(
    r"""(?:src|href|action|data|srcset)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//"""
    r"""|@import|<script""",
    re.IGNORECASE,
)


class Run:
    """One run on a damaged copy: what it said, how it ended, and its Data Docs."""

    def __init__(self, settings: Settings) -> None:
        self.lines: list[str] = []
        self.error: BuildError | None = None
        try:
            check_quality(settings, self.lines.append, is_landed=True, is_published=True)
        except BuildError as error:
            self.error = error
        self.docs = settings.data_dir / "quality" / "data_docs"

    @property
    def text(self) -> str:
        """All that a terminal showed."""
        shown = [str(self.error), *self.error.findings] if self.error else []
        return "\n".join([*self.lines, *shown])


@pytest.fixture(scope="module")
def healthy(world: BuiltWorld, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("healthy")
    shutil.copytree(world.folder / "landing", folder / "landing")
    shutil.copyfile(world.warehouse, folder / "warehouse.duckdb")
    return Run(settings_of(folder, world))


def test_native_extracts_pass_before_anything_is_built(tmp_path: Path) -> None:
    """API and replication-tool exports, reports, both encodings: as the default sample has."""
    log = write_sample(tmp_path / "extracts", WorldOptions(activities=20_000), "native")
    land(tmp_path / "extracts", tmp_path / "landing", read_layouts(STAGING_DIR), lambda line: None)
    lines: list[str] = []
    settings = settings_of(tmp_path, BuiltWorld(log, tmp_path))
    check_quality(settings, lines.append, is_landed=True, is_published=False)
    assert "0 errors, 0 warnings" in lines[-2], lines[-2]


@pytest.fixture(scope="module")
def broken(world: BuiltWorld, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Personal data in the wrong place on both sides, and a file with HTML for a name."""
    folder = tmp_path_factory.mktemp("broken")
    copy = LandingCopy(shutil.copytree(world.folder / "landing", folder / "landing"), world)
    copy.rewrite("generic.calls", "select * replace (to_number as disposition) from landed")
    copy.rewrite(
        "generic.leads", "select * replace (email as created_at, phone as status) from landed"
    )
    copy.write(
        folder
        / "landing"
        / "generic"
        / "users"
        / "users $x <img src=x onerror=alert(1)>.csv.parquet",
        "select * from landed",
        copy.files("generic.users")[0],
    )
    shutil.copyfile(world.warehouse, folder / "warehouse.duckdb")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(
            """
            update marts.fct_leads set segment = (
                select min(trim(email)) from read_parquet($leads) where email like '%@%'
            )
            """,
            {"leads": str(world.folder / "landing/generic/leads/*.parquet")},
        )
    return Run(settings_of(folder, world))


def test_the_built_sample_passes(healthy: Run) -> None:
    assert healthy.error is None
    closing = next(line for line in healthy.lines if line.startswith("データ品質"))
    assert closing.endswith("0 errors, 0 warnings")
    assert int(re.search(r"(\d+) expectations", closing)[1]) > 200
    assert sum("landed.generic." in line for line in healthy.lines) == 11


def test_failures_are_listed_with_what_where_and_how_to_mend(broken: Run) -> None:
    assert broken.error is not None
    text = broken.text
    for wanted in (
        "[error] 個人情報の形をした値 / A value looks like an e-mail address or a phone number",
        "marts, personal_columns: fct_leads",
        "segment (",
        "[warning] 未分類コードの行が多い / Too many rows carry codes without a mapping",
        "generic.calls, unmapped_disposition: generic/calls_1.csv, generic/calls_2.csv",
        "at most 5 %",
        "run make mappings and add the rows it proposes",
        "[error] 型として読めない値が多い",
        "of created_at",
    ):
        assert wanted in text, wanted
    severities = [line[1:6] for line in broken.lines if line.startswith("[")]
    assert severities == sorted(severities)
    index = (broken.docs / "index.html").read_text("utf-8")
    assert "個人情報の形をした値" in index
    assert "fct_leads" in index


@pytest.mark.parametrize("which", ["healthy", "broken"])
def test_data_docs_need_no_network(which: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(which)
    pages = list(run.docs.rglob("*.html"))
    assert len(pages) > 40
    for path in [*pages, *run.docs.rglob("*.css")]:
        assert not LOADS.search(path.read_text("utf-8")), path
    for page in pages:
        for target in re.findall(r"<(?:link|a)[^>]+href=\"([^\"#]+)\"", page.read_text("utf-8")):
            assert (page.parent / target).resolve().exists(), (page, target)


def test_no_value_of_a_lead_leaves(broken: Run, world: BuiltWorld) -> None:
    values = _personal_values(world.folder / "extracts" / "generic")
    assert len(values) > 1000
    files = [path for path in broken.docs.rglob("*") if path.suffix in (".html", ".json", ".css")]
    texts = [broken.text, *(path.read_text("utf-8") for path in files)]
    # the pages are mostly alike: each line is searched once
    lines = "\n".join({line for text in texts for line in text.splitlines()})
    assert not [len(value) for value in values if value in lines]


def test_markup_in_a_file_name_is_shown_as_text(broken: Run) -> None:
    pages = [path.read_text("utf-8") for path in broken.docs.rglob("*.html")]
    assert any("users $x &lt;img" in page for page in pages)
    assert not any("<img src=x" in page for page in pages)


def test_an_object_without_files_is_skipped_and_said(landing, world: BuiltWorld) -> None:
    shutil.rmtree(landing.folder / "generic" / "touches")
    landing.account("object <> 'touches'")
    lines: list[str] = []
    settings = settings_of(landing.folder.parent, world)
    check_quality(settings, lines.append, is_landed=True, is_published=False)
    (said,) = [line for line in lines if "not checked" in line]
    assert "generic.touches" in said
    assert not any("landed.generic.touches" in line for line in lines)


def test_nothing_to_check_is_one_line(tmp_path: Path, world: BuiltWorld) -> None:
    settings = settings_of(tmp_path, world)
    with pytest.raises(UserError, match="nothing is landed; run make land"):
        check_quality(settings, print, is_landed=True, is_published=True)
    with pytest.raises(UserError, match="no warehouse yet; run make build"):
        check_quality(settings, print, is_landed=False, is_published=True)
    duckdb.connect(str(settings.warehouse_path)).close()
    with pytest.raises(UserError, match="its marts are not built; run make build"):
        check_quality(settings, print, is_landed=False, is_published=True)
    settings.warehouse_path.write_text("no database")
    with pytest.raises(UserError, match="cannot be opened"):
        check_quality(settings, print, is_landed=False, is_published=True)


def test_without_network_takes_out_all_that_loads() -> None:
    html = (
        "<html><head><link rel='stylesheet' href='//cdn.example/a.css'><script>x</script></head>"
        '<body style="background: url(\'https://cdn.example/b.png\')"><img src="http://c/d.png"/>'
        '<a href="https://example.org">text</a><img src="static/own.png"></body></html>'
    )
    found = without_network(html, "../")
    assert not LOADS.search(found)
    assert "text" in found
    assert "static/own.png" in found
    assert '<link rel="stylesheet" href="../offline.css"/></head>' in found


def _personal_values(folder: Path) -> set[str]:
    """Addresses, numbers, companies and names that the extracts hold, long enough to be theirs."""
    columns = {
        "leads": ("company", "email", "phone"),
        "calls": ("from_number", "to_number", "note"),
        "emails": ("recipient",),
        "users": ("name",),
    }
    values = set()
    for name, wanted in columns.items():
        for path in folder.glob(f"{name}*.csv"):
            with path.open(encoding="utf-8-sig", newline="") as stream:
                for row in csv.DictReader(stream):
                    values |= {(row.get(column) or "").strip() for column in wanted}
    return {value for value in values if len(value) >= 4}

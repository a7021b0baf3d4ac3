"""The warehouse on a real sales-development funnel, held against its known truth."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from convert import convert, find_olist

from integration.quick_build import build_quickly
from integration.semantic_answers import comparisons, kpis_in_force
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR

AS_OF_DATE = "2018-12-31"

# origin (None: empty) -> channel, leads, wins
ORIGINS = {
    "organic_search": ("organic", 2296, 271),
    "paid_search": ("paid_ads", 1586, 195),
    "social": ("sns", 1350, 75),
    "unknown": ("unknown", 1099, 179),
    "direct_traffic": ("organic", 499, 56),
    "email": ("dm", 493, 15),
    "referral": ("referral", 284, 24),
    "other": ("unknown", 150, 4),
    "display": ("paid_ads", 118, 6),
    "other_publicities": ("paid_ads", 65, 3),
    None: ("unknown", 60, 14),
}
# month of 2018 -> wins dated by the win, wins dated by the lead's first contact
WINS = {1: (73, 152), 2: (113, 149), 3: (147, 167), 4: (207, 183), 5: (122, 130)}
MONTHS_WITHOUT_LEADS = [dt.date(2018, month, 1) for month in range(6, 12)]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse of its own, opened read-only."""
    olist = find_olist()
    if olist is None:
        pytest.skip("the Olist data is not on this machine: set OLIST_DIR to its folder")
    work = tmp_path_factory.mktemp("olist")
    convert(olist, work / "extracts")
    land(work / "extracts", work / "landing", read_layouts(STAGING_DIR), lambda line: None)
    build_quickly(work, dt.date.fromisoformat(AS_OF_DATE))
    connection = duckdb.connect(str(work / "warehouse.duckdb"), read_only=True)
    yield connection
    connection.close()


def test_leads_and_wins_by_origin(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        """
        select int_leads.source_code, count(*), count(fct_leads.won_at)
        from marts.fct_leads
        inner join intermediate.int_leads on fct_leads.lead_id = int_leads.lead_id
        group by int_leads.source_code
        """
    ).fetchall()
    found = {source: (leads, wins) for source, leads, wins in rows}
    assert found == {origin: (leads, wins) for origin, (_, leads, wins) in ORIGINS.items()}


@pytest.mark.parametrize(
    ("kpi_id", "position"), [("leads_acquired", 1), ("deals_won", 2)], ids=["leads", "wins"]
)
@pytest.mark.parametrize("basis", ["event", "cohort"])
@pytest.mark.parametrize("period_grain", ["month", "fiscal_year"])
def test_totals_by_channel(
    warehouse: duckdb.DuckDBPyConnection,
    kpi_id: str,
    position: int,
    basis: str,
    period_grain: str,
) -> None:
    expected: dict[str, int] = defaultdict(int)
    for origin in ORIGINS.values():
        expected[origin[0]] += origin[position]
    rows = warehouse.execute(
        """
        select channel_id, sum(numerator)
        from marts.kpi_by_channel_period
        where kpi_id = ? and basis = ? and period_grain = ?
        group by channel_id
        having sum(numerator) <> 0
        """,
        [kpi_id, basis, period_grain],
    ).fetchall()
    assert dict(rows) == expected


@pytest.mark.parametrize("period_grain", ["week", "month", "quarter", "half", "fiscal_year"])
@pytest.mark.parametrize("basis", ["event", "cohort"])
def test_the_whole_funnel_wins_842_of_8000(
    warehouse: duckdb.DuckDBPyConnection, basis: str, period_grain: str
) -> None:
    found = warehouse.execute(
        """
        select sum(numerator), sum(denominator)
        from marts.kpi_by_period
        where kpi_id = 'win_rate' and basis = ? and period_grain = ?
        """,
        [basis, period_grain],
    ).fetchone()
    assert found == (842, 8000)


@pytest.mark.parametrize("basis", ["event", "cohort"])
def test_wins_by_month(warehouse: duckdb.DuckDBPyConnection, basis: str) -> None:
    rows = warehouse.execute(
        """
        select period_start, numerator
        from marts.kpi_by_period
        where kpi_id = 'deals_won' and period_grain = 'month' and basis = ?
            and period_start between date '2018-01-01' and date '2018-05-01'
        """,
        [basis],
    ).fetchall()
    position = 0 if basis == "event" else 1
    assert {start.month: wins for start, wins in rows} == {
        month: wins[position] for month, wins in WINS.items()
    }


def test_months_with_wins_and_no_leads_have_no_rate(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.execute(
        """
        select kpi_id, period_start, numerator, denominator, value
        from marts.kpi_by_period
        where kpi_id in ('win_rate', 'meeting_rate_per_lead')
            and basis = 'event' and period_grain = 'month'
            and period_start between date '2018-06-01' and date '2018-11-01'
        order by kpi_id, period_start
        """
    ).fetchall()
    assert [(kpi, start) for kpi, start, *_ in rows] == [
        (kpi, month)
        for kpi in ("meeting_rate_per_lead", "win_rate")
        for month in MONTHS_WITHOUT_LEADS
    ]
    for kpi, start, numerator, denominator, value in rows:
        assert (denominator, value) == (0, None), (kpi, start)
        assert (numerator > 0) is (kpi == "win_rate"), (kpi, start)


def test_a_win_before_the_first_contact_is_kept_and_reported(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    wins = warehouse.execute("select count(*) from marts.fct_opportunities where is_won").fetchone()
    assert wins == (842,)
    early = warehouse.execute(
        """
        select fct_opportunities.opportunity_id
        from marts.fct_opportunities
        inner join marts.fct_leads on fct_opportunities.lead_id = fct_leads.lead_id
        where fct_opportunities.won_at < fct_leads.created_at
        """
    ).fetchall()
    assert len(early) == 1
    findings = warehouse.execute(
        """
        select source_id from marts.data_quality_findings where rule = 'won_before_lead_created'
        """
    ).fetchall()
    assert findings == early


def test_wins_are_credited_to_inside_sales(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = warehouse.execute(
        "select count(*), count(distinct rep_id) from marts.fct_opportunities where is_sourced"
    ).fetchone()
    # every deal names the sales-development rep who opened it: 32 of them
    assert found == (842, 32)


def test_nothing_is_unmapped_or_rejected(warehouse: duckdb.DuckDBPyConnection) -> None:
    unmapped = warehouse.execute(
        "select count(*) from marts.fct_leads where channel_id = 'unmapped'"
    ).fetchone()
    assert unmapped == (0,)
    rows = warehouse.execute(
        "select rule, count(*) from marts.data_quality_findings group by rule"
    ).fetchall()
    # the deals carry no amount to trust, so none is written
    assert dict(rows) == {"won_before_lead_created": 1, "won_without_amount": 842}


def test_metricflow_equals_the_marts(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """In a copy, as this process has the warehouse itself open."""
    path = warehouse.execute("select path from duckdb_databases() where not internal").fetchone()
    copy = tmp_path / "warehouse.duckdb"
    shutil.copyfile(path[0], copy)
    environment = {"WAREHOUSE_PATH": str(copy), "AS_OF_DATE": AS_OF_DATE}
    kpis = kpis_in_force(dt.date.fromisoformat(AS_OF_DATE))
    compared = comparisons(copy, environment, tmp_path / "metricflow", kpis)
    found = {str(cut): comparison.differences() for cut, comparison in compared.items()}
    assert found == dict.fromkeys(found, "")
    # calls, mails and amounts are not in this data
    for comparison in compared.values():
        assert {"leads_acquired", "deals_won", "win_rate"} <= set(comparison.occurring["kpi_id"])
    assert sum(comparison.occurring.height for comparison in compared.values()) > 1_000

"""What a page is: a question, the filters that it heeds, and what it composes of the marts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from kpi_warehouse.dashboard.blocks import Block
from kpi_warehouse.dashboard.view import Choices, Kpi, View
from kpi_warehouse.published import Text

# the filters, by the names that the address gives them
PERIOD, SINCE, CHANNEL, TEAM, BASIS, KPI, STAGE = (
    "period",
    "from",
    "channel",
    "team",
    "basis",
    "kpi",
    "stage",
)

Compose = Callable[[duckdb.DuckDBPyConnection, View, Choices], Sequence[Block]]


@dataclass(frozen=True)
class Page:
    """A page of the dashboard.

    Attributes:
        page_id: its address.
        question: what it answers.
        filters: those that it heeds; the others keep their value for the next page.
        compose: reads the marts and says what stands on it. Raises duckdb.CatalogException or
            duckdb.BinderException if these are not marts of this project, or of an older state.
        grains: the grains of periods that it knows; another is shown by month.
        takes: whether a KPI can be chosen on it.
    """

    page_id: str
    name: Text
    question: Text
    icon: str
    filters: frozenset[str]
    compose: Compose
    grains: tuple[str, ...]
    takes: Callable[[Kpi], bool] = lambda kpi: True

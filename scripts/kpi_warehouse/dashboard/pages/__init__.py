"""The pages, in the order of the navigation. A new page is a module here and a line in PAGES."""

from __future__ import annotations

from kpi_warehouse.dashboard.pages import (
    cohorts,
    definitions,
    funnel,
    goals,
    hours,
    matrix,
    people,
    quality,
    trends,
)
from kpi_warehouse.dashboard.pages.page import Page

PAGES: tuple[Page, ...] = (
    funnel.PAGE,
    trends.PAGE,
    matrix.PAGE,
    people.PAGE,
    hours.PAGE,
    cohorts.PAGE,
    goals.PAGE,
    definitions.PAGE,
    quality.PAGE,
)

__all__ = ["PAGES", "Page"]

"""Landing: every extract file becomes text-typed Parquet that knows its file, row and hash."""

from kpi_warehouse.landing.checks import check_targets
from kpi_warehouse.landing.conventions import Conventions, project_conventions
from kpi_warehouse.landing.discovery import SourceFile, find_files
from kpi_warehouse.landing.interface import ObjectLayout, read_layouts
from kpi_warehouse.landing.labels import ColumnLabels, read_labels
from kpi_warehouse.landing.runner import LandingReport, land

__all__ = [
    "ColumnLabels",
    "Conventions",
    "LandingReport",
    "ObjectLayout",
    "SourceFile",
    "check_targets",
    "find_files",
    "land",
    "project_conventions",
    "read_labels",
    "read_layouts",
]

"""The values of extracts, as they really look, as the text that staging casts."""

from kpi_warehouse.landing.values.file_values import ValueFinding, Values
from kpi_warehouse.landing.values.formats import Formats, read_formats

__all__ = ["Formats", "ValueFinding", "Values", "read_formats"]

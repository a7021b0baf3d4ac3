"""Rows to add to the mapping seeds for codes that no mapping knows: proposed, decided, appended."""

from kpi_warehouse.mapping_proposals.command import accept, show, write

__all__ = ["accept", "show", "write"]

"""A seeded sample world of an inside-sales organisation: its true log, and the extracts of it."""

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.sample import write_sample
from kpi_warehouse.world.simulate import WorldOptions, simulate

__all__ = ["WorldLog", "WorldOptions", "simulate", "write_sample"]

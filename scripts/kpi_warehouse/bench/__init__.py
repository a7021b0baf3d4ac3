"""How long the models take, as a ratio to one hand-written query over the same landed Parquet."""

from kpi_warehouse.bench.benchmark import DEFAULT_ACTIVITIES, run_benchmark

__all__ = ["DEFAULT_ACTIVITIES", "run_benchmark"]

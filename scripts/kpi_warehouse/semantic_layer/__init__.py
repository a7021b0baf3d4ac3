"""The semantic layer: metrics over the published facts, and MetricFlow that computes them.

`definitions` reads the metrics and the registry they have to agree with; `engine` asks MetricFlow.
"""

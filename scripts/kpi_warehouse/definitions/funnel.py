"""The contract of funnel_by_channel_period, one column per KPI, as the registry says."""

from __future__ import annotations

import json

import yaml

from .registry import Registry

PATH = "models/marts/kpi/_funnel__models.yml"
_HEAD = """\
version: 2

# Written from seeds/registry by `make definitions`, never by hand.

models:
  - name: funnel_by_channel_period
    description: >-
      Grain: one row per period_grain, period_start and channel_id. The event basis side by side:
      one column per KPI, which the contract in the YAML names. A KPI that a channel cannot have
      is not a column.
    config:
      contract: {enforced: true}
    data_tests:
      - unique_combination:
          arguments: {columns: [period_grain, period_start, channel_id]}
      - no_nulls:
          arguments: {columns: [period_grain, period_start, channel_id]}
    columns:
      - name: period_grain
        data_type: string
        description: day, week, month, quarter, half or fiscal_year.
        data_tests:
          - accepted_values:
              arguments: {values: [day, week, month, quarter, half, fiscal_year]}
      - name: period_start
        data_type: date
        description: First day of the period.
      - name: channel_id
        data_type: string
        description: How the lead was acquired (first source); unknown and unmapped included.
        data_tests:
          - relationships:
              arguments: {to: ref('dim_channels'), field: channel_id}
"""


def funnel_contract(registry: Registry) -> str:
    """The YAML of the funnel: a column per published KPI with an event basis and channels."""
    newest = {
        version.kpi_id: version
        for version in registry.published()
        if version.flag("has_event_basis") and version.flag("has_channel")
    }
    columns = [
        f"      - name: {version.kpi_id}\n"
        f"        data_type: \"{{{{ var('double_type') }}}}\"\n"
        f"        description: {_quoted(_names(version.cells))}\n"
        for version in sorted(newest.values(), key=lambda item: (item.sort_order, item.kpi_id))
    ]
    return _HEAD + "".join(columns)


def _names(cells: dict[str, str]) -> str:
    return f"{cells['name_ja']} / {cells['name_en']}."


def _quoted(text: str) -> str:
    """A text as YAML takes it, in quotes only where it must be."""
    try:
        is_plain = yaml.safe_load(f"text: {text}") == {"text": text}
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else json.dumps(text, ensure_ascii=False)

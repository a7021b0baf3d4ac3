"""What the project has agreed about extracts: labels of columns, forms of values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.labels import ColumnLabels, read_labels
from kpi_warehouse.landing.normalisation import AsTheyAre, SourceFormats

_MAPPINGS = Path(__file__).resolve().parents[3] / "seeds" / "mappings"
# Part of every fingerprint: raise it when the landed files change, and all are read again.
_LANDED_FORMAT = 2


@dataclass(frozen=True)
class Conventions:
    """How landing understands headers and values."""

    labels: ColumnLabels = field(default_factory=ColumnLabels)
    formats: SourceFormats = field(default_factory=AsTheyAre)

    def fingerprint(self, layout: ObjectLayout) -> str:
        """Changes when files landed under an older interface have to be read again."""
        interface = [
            _LANDED_FORMAT,
            asdict(layout),
            self.labels.fingerprint(layout),
            self.formats.fingerprint(layout.system, layout.name),
        ]
        return hashlib.sha256(json.dumps(interface).encode()).hexdigest()[:16]


def project_conventions() -> Conventions:
    """Those of seeds/mappings."""
    return Conventions(read_labels(_MAPPINGS / "column_labels.csv"))

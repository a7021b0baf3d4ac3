"""An extracts folder to try landing on."""

from __future__ import annotations

from pathlib import Path

from kpi_warehouse.landing import LandingReport, ObjectLayout, land

LEADS = ObjectLayout(
    system="generic",
    name="leads",
    columns=("lead_id", "created_at", "source", "company"),
    required=("lead_id", "created_at"),
)
LEAD_STATUS_HISTORY = ObjectLayout(
    system="generic",
    name="lead_status_history",
    columns=("lead_id", "status", "entered_at"),
    required=("lead_id", "status", "entered_at"),
)
TARGETS = ObjectLayout(
    system="planning",
    name="targets",
    columns=("kpi_id", "month", "target_value"),
    required=("kpi_id", "month"),
)
LAYOUTS = [LEADS, LEAD_STATUS_HISTORY, TARGETS]


class LandingFolder:
    """An extracts folder and what is landed from it, with two lines to fill and read them."""

    def __init__(self, root: Path) -> None:
        self.extracts = root / "extracts"
        self.landing = root / "landing"
        self.layouts = list(LAYOUTS)
        self.lines: list[str] = []
        (self.extracts / "generic").mkdir(parents=True)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write an extract; text becomes UTF-8."""
        path = self.extracts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self) -> LandingReport:
        """Land what is there."""
        self.lines.clear()
        return land(self.extracts, self.landing, self.layouts, self.lines.append)

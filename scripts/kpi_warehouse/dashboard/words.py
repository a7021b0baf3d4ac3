"""Words of the dashboard that more than one page says."""

from __future__ import annotations

from kpi_warehouse.published import Text

TITLE = Text("インサイドセールスKPI", "Inside-sales KPIs")
TOTAL = Text("全体", "Total")
ALL_CHANNELS = Text("全チャネル", "All channels")
ALL_TEAMS = Text("全チーム", "All teams")
PERIOD = Text("期間", "Period")
KPI = Text("KPI", "KPI")
CHANNEL = Text("チャネル", "Channel")
TEAM = Text("チーム", "Team")
REP = Text("担当者", "Rep")
NUMERATOR = Text("分子", "Numerator")
DENOMINATOR = Text("分母", "Denominator")
VALUE = Text("値", "Value")
LOW = Text("95%区間 下限", "95% interval, low")
HIGH = Text("95%区間 上限", "95% interval, high")
INTERVAL = Text("95%区間", "95% interval")
SMALL_SAMPLE = Text("小標本", "Small sample")
IN_PROGRESS = Text("途中", "In progress")
NOT_MATURE = Text("未成熟", "Not mature")
STATE = Text("状態", "State")
TARGET = Text("目標", "Target")
ATTAINMENT = Text("達成率", "Attainment")
BASIS = Text("基準", "Basis")

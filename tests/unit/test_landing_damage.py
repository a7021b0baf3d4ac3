"""Whatever happens to a file: landing goes on, and every record is accounted for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landing_folder import LandingFolder

HEADER = "lead_id,created_at,source,company"
TEXTS = ["web", "展示会", "株式会社ソ表", "=cmd()", "'; drop table x --", "<b>", "5 pipe", ""]
ENCODINGS = ["utf-8", "utf-8-sig", "cp932", "utf-16"]

_settings = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file of good rows and its encoding."""
    rows = draw(
        st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS)), min_size=1, max_size=8)
    )
    lines = [HEADER, *(f"L{number},1,{a},{b}" for number, (a, b) in enumerate(rows))]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    encoding = draw(st.sampled_from(ENCODINGS))
    return encoding, (end.join(lines) + end).encode(encoding)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file in which bytes were changed, cut out, put in, doubled, or its end is missing."""
    _, content = draw(files())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        size = draw(st.integers(0, 12))
        junk = draw(
            st.sampled_from([b'"', b"\0", b"\xff", b",", b"\n", b"\r", b",,,\n", b'""', b"\x81"])
        )
        how = draw(st.sampled_from(["flip", "drop", "put", "double", "end"]))
        if how == "flip":
            content = content[:at] + junk + content[at + len(junk) :]
        elif how == "drop":
            content = content[:at] + content[at + size :]
        elif how == "put":
            content = content[:at] + junk + content[at:]
        elif how == "double":
            content = content[:at] + content[at : at + size] + content[at:]
        else:
            content = content[:at]
    return content


def land(content: bytes) -> tuple[dict, list[dict], list[tuple[int, str]]]:
    """Land one file: its row of the account, its findings, and the rows that landed."""
    with tempfile.TemporaryDirectory() as root:
        folder = LandingFolder(Path(root))
        folder.write("generic/leads.csv", content)
        folder.land()
        (account,) = pq.read_table(folder.landing / "_files").to_pylist()
        findings = pq.read_table(folder.landing / "_row_findings").to_pylist()
        path = folder.landing / "generic" / "leads" / "leads.csv.parquet"
        if not path.exists():
            return account, findings, []
        landed = pq.read_table(path)
        rows = zip(landed["_row_number"].to_pylist(), landed["lead_id"].to_pylist(), strict=True)
        return account, findings, list(rows)


@_settings
@given(damaged())
def test_every_record_of_a_damaged_file_has_one_fate(content):
    account, findings, rows = land(content)
    if account["status"] == "refused":
        assert account["refusal_rule"].startswith("file_")
        assert (account["record_count"], rows, findings) == (None, [], [])
        return
    left_out = [finding for finding in findings if finding["fate"]]
    blank = [finding for finding in left_out if finding["rule"] == "blank_line"]
    numbers = [number for number, _ in rows]
    numbers += [finding["row_number"] for finding in left_out if finding not in blank]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(1, account["record_count"] + 1))
    in_blank = sum(finding["row_count"] for finding in blank)
    assert len(numbers) + in_blank == account["record_count"]


@_settings
@given(files(), st.data())
def test_damage_within_a_line_costs_no_other_line(file, data):
    encoding, content = file
    text = content.decode(encoding)
    lines = text.splitlines(keepends=True)
    number = data.draw(st.integers(1, len(lines) - 1))
    junk = data.draw(st.sampled_from(['x"x"y', ",a,b,c", "\0", "譬ｪ蠑丈ｼ夂､ｾ", "\ufffd", '"']))
    lines[number] = lines[number].replace(",1,", f",1{junk},", 1)
    try:
        content = "".join(lines).encode(encoding)
    except UnicodeEncodeError:
        return
    _, _, rows = land(content)
    others = {f"L{each}" for each in range(len(lines) - 1)} - {f"L{number - 1}"}
    assert others <= {lead_id for _, lead_id in rows}

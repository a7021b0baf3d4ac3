"""What happens to extracts: rules that change a table, the way it is written, or its bytes.

Each rule takes the seeded randomness and says in words what it did. A damage to a table leaves
the number of its records known, so that a lost one is seen; one to bytes does not.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from kpi_warehouse.fuzz.corpus import Source, Table

FORMULAS = (
    "=1+1",
    '=cmd|"/c calc"!A0',
    "+SUM(A1:A9)",
    "-2+3",
    "@SUM(1)",
    '=HYPERLINK("http://x.example","y")',
    "＝1+1",
    "\t=1",
)
SQL = (
    "'); drop table marts.fct_leads; --",
    "' or 1=1 --",
    "\"; copy (select 1) to 'fuzz_escape.csv'; --",
    "{{ ref('int_leads') }}",
    "${HOME}",
    "$path",
    "?",
    "select * from read_text('/etc/passwd')",
)
HTML = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table>",
    "&lt;b&gt;",
)
PATHS = ("../../fuzz_escape", "/etc/passwd", "C:\\fuzz_escape", "%2e%2e%2f", "a/b", "file:///x")
UNICODE = (
    "\u202eabc",
    "a\u200bb",
    "\ufeffx",
    "e\u0301",
    "𠮷野家",
    "🇯🇵",
    "\U000e0041",
    "ｶﾌﾞｼｷ",
    "№㈱①髙﨑",
    "譬ｪ蠑",
    "\u2028",
    "\x85",
    "\x1b[31mred",
    "\x07",
    "\u3000",
)
NUMBERS = (
    "9" * 400,
    "1e308",
    "-1e400",
    "NaN",
    "Infinity",
    "0x1F",
    "1,000,000",
    "¥1,000",
    "100万円",
    "(511.28)",
    "€ 3.500,00",
    "１２３",
    "--5",
    "1_000",
    "00000000000000000000012",
    "-9223372036854775809",
)
DATES = (
    "2025-04-01T09:30:00.000+0000",
    "2025/4/1 9:30",
    "2025/4/1",
    "２０２５年４月１日",
    "令和7年4月1日",
    "R7.4.1",
    "令和元年5月1日",
    "45748",
    "45748.5",
    "0000-00-00",
    "9999-12-31 23:59:59.999999999",
    "290309-12-22",
    "-4713-01-01",
    "2025-02-30",
    "13/31/2025",
    "infinity",
    "epoch",
    "2025-04-01 24:00:00",
    "2025-04-01T00:00:00+99:99",
    "1743465600",
    "1743465600000",
)
JSON_LINES = (
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 2_000 + "1" + "}" * 2_000,
    '{"lead_id": {"a": [1, null, {"b": "c"}]}, "created_at": [1]}',
    '{"lead_id": 1e400, "created_at": -0.0, "updated_at": 12345678901234567890123}',
    '{"lead_id": "\\ud800", "created_at": "\\u0000"}',
    '{"lead_id": "a", "lead_id": "b", "LEAD_ID": "c"}',
    '{"lead_id": NaN}',
    '{"lead_id": "a",}',
    "{'lead_id': 'a'}",
    '{"": "", "/": "~", "~1": {}}',
    "null",
    "1",
    '"text"',
    "[]",
    "{}",
)
NULLS = ("-", "Select", "0", "NULL", "null", "N/A", "\\N", "''", " ", "nan")
_ODD_TEXTS = (*FORMULAS, *SQL, *HTML, *PATHS, *UNICODE, *NUMBERS, *DATES, *NULLS)
_COLUMN_NAMES = (*FORMULAS, *SQL, *HTML, *PATHS, *UNICODE[:6], "_file_name", "_row_number", "")
_MEGABYTE = 1 << 20


@dataclass
class Draft:
    """A file in the making: its table, how it is to be written, and what was done to it."""

    source: Source
    table: Table
    form: str = "csv"
    delimiter: str = ","
    quotes_all: bool = False
    line_end: str = "\n"
    encoding: str = "utf-8"
    is_gzip: bool = False
    ragged_rows: int = 0
    # lines of JSON Lines that are no text-valued objects, and Parquet columns that are no text
    raw_lines: list[str] = field(default_factory=list)
    arrays: dict[int, pa.Array] = field(default_factory=dict)
    recipe: list[str] = field(default_factory=list)
    # records after the header as a reader must count them; None where that is not certain
    record_count: int | None = None
    # whether a reader must be able to read every row as it was meant
    is_harmless: bool = True

    @property
    def suffix(self) -> str:
        """The ending of the file's name."""
        return f".{self.form}{'.gz' if self.is_gzip else ''}"


TableDamage = Callable[[Draft, Random], str]
ByteDamage = Callable[[bytes, Random], tuple[bytes, str]]


def _column(draft: Draft, random: Random) -> int:
    return random.randrange(len(draft.table.header))


# tables ------------------------------------------------------------------------------------------


def rename_column(draft: Draft, random: Random) -> str:
    """A column gets a name that may be anything."""
    index, name = _column(draft, random), random.choice(_COLUMN_NAMES)
    draft.table.header[index] = name
    draft.is_harmless = False
    return f"column {index} named {name!r}"


def respell_columns(draft: Draft, random: Random) -> str:
    """Columns are spelt as another tool does: case, blanks, underscores."""
    spell = random.choice(
        [
            str.upper,
            lambda name: "".join(part.capitalize() for part in name.split("_")),
            lambda name: f" {name} ",
        ]
    )
    draft.table.header = [spell(name) for name in draft.table.header]
    return f"columns spelt as {spell('lead_id')!r}"


def shuffle_columns(draft: Draft, random: Random) -> str:
    """The columns stand in another order."""
    order = list(range(len(draft.table.header)))
    random.shuffle(order)
    _reorder(draft, order)
    return "columns shuffled"


def drop_column(draft: Draft, random: Random) -> str:
    """A column is missing."""
    order = list(range(len(draft.table.header)))
    gone = draft.table.header[order.pop(_column(draft, random))]
    _reorder(draft, order)
    draft.is_harmless = False
    return f"column {gone!r} dropped"


def double_column(draft: Draft, random: Random) -> str:
    """A column stands there twice, the second time with other values."""
    index = _column(draft, random)
    draft.table.header.append(draft.table.header[index])
    for row in draft.table.rows:
        row.append(random.choice([row[index], "x"]))
    draft.is_harmless = False
    return f"column {index} doubled"


def add_column(draft: Draft, random: Random) -> str:
    """A column that nobody knows."""
    name = random.choice(_COLUMN_NAMES) or "extra"
    draft.table.header.append(name)
    for row in draft.table.rows:
        row.append(random.choice(_ODD_TEXTS))
    draft.is_harmless = False
    return f"column {name!r} added"


def odd_values(draft: Draft, random: Random) -> str:
    """Cells hold what no one expects there."""
    kind, texts = random.choice(
        [
            ("formulas", FORMULAS),
            ("SQL", SQL),
            ("HTML", HTML),
            ("paths", PATHS),
            ("Unicode", UNICODE),
            ("numbers", NUMBERS),
            ("dates", DATES),
            ("words for nothing", NULLS),
            ("line ends", ("a\nb", "a\r\nb", "a\rb", "\n")),
            ("quotes", ('"', '""', 'a"b', "'", "`", '","')),
        ]
    )
    index = _column(draft, random)
    every = random.choice([1, 3])
    for row in draft.table.rows[::every]:
        row[index] = random.choice(texts)
    draft.is_harmless = False
    return f"{kind} in column {draft.table.header[index]!r}"


def fitting_values(draft: Draft, random: Random) -> str:
    """Cells of one type are written in another form of that type."""
    wanted = random.choice(["timestamp", "date", "integer", "decimal"])
    texts = DATES if wanted in ("timestamp", "date") else NUMBERS
    columns = {column.name: column for column in draft.source.columns}
    changed = [
        index
        for index, name in enumerate(draft.table.header)
        if name in columns and columns[name].data_type == wanted
    ]
    for row in draft.table.rows:
        for index in changed:
            row[index] = random.choice(texts)
    draft.is_harmless = False
    return f"{wanted} columns in other forms"


def odd_types(draft: Draft, random: Random) -> str:
    """Records that are no flat texts, in formats that can have such; CSV cannot."""
    draft.is_harmless = False
    if draft.form == "jsonl":
        draft.raw_lines += random.sample(JSON_LINES, 2)
        return "2 odd lines of JSON"
    if draft.form == "parquet":
        count, index = len(draft.table.rows), _column(draft, random)
        array = random.choice(
            [
                pa.array([2**63 - 1] * count),
                pa.array([float("nan"), float("inf")] * count)[:count],
                pa.array([b"\xff\x00"] * count),
                pa.array([["a", None]] * count),
                pa.array([{"a": {"b": 1}}] * count),
                pa.array([2**62] * count, pa.timestamp("ns", "Asia/Tokyo")),
                pa.array([-(2**62)] * count, pa.timestamp("us")),
                pa.array([2**31 - 1] * count, pa.date32()),
                pa.array([86_399] * count, pa.time32("s")),
                pa.array([1] * count, pa.duration("us")),
                pa.array(["a"] * count).dictionary_encode(),
                pa.nulls(count),
                pa.array([True, None] * count)[:count],
            ]
        )
        draft.arrays[index] = array
        return f"column {index} of type {array.type}"
    return "nothing, as CSV has no types"


def large_field(draft: Draft, random: Random) -> str:
    """One cell of a megabyte."""
    row, index = random.choice(draft.table.rows), _column(draft, random)
    row[index] = random.choice(["x", "あ", '"', "x,", "x\n"]) * _MEGABYTE
    draft.is_harmless = False
    return f"a megabyte in column {index}"


def double_rows(draft: Draft, random: Random) -> str:
    """Rows are exported twice, some with another value."""
    for row in random.sample(draft.table.rows, 4):
        again = list(row)
        if random.random() < 0.5:
            again[_column(draft, random)] = "x"
        draft.table.rows.append(again)
    draft.is_harmless = False
    return "4 rows twice"


def empty_cells(draft: Draft, random: Random) -> str:
    """Cells are empty, mandatory ones too."""
    index = _column(draft, random)
    for row in draft.table.rows[::2]:
        row[index] = ""
    draft.is_harmless = False
    return f"column {index} empty in every other row"


def repeat_header(draft: Draft, random: Random) -> str:
    """The header stands between the rows again, as in files put together."""
    draft.table.rows.insert(random.randrange(len(draft.table.rows)), list(draft.table.header))
    draft.is_harmless = False
    return "header repeated"


def add_footer(draft: Draft, random: Random) -> str:
    """A report's footer: a line of totals, a copyright."""
    width = len(draft.table.header)
    text = random.choice(["合計", "総計", "Total", "Copyright (c) 2026", "レコード数: 12", "小計"])
    draft.table.rows.append([text] + [""] * (width - 1))
    draft.is_harmless = False
    return f"footer {text!r}"


def ragged_rows(draft: Draft, random: Random) -> str:
    """Rows with a field too few or too many, where the format can have such."""
    del random
    draft.ragged_rows = 3
    draft.is_harmless = False
    return "3 ragged rows"


def blank_columns(draft: Draft, random: Random) -> str:
    """Blank columns at the end, as spreadsheets write them."""
    count = random.randrange(1, 4)
    draft.table.header += [""] * count
    for row in draft.table.rows:
        row += [""] * count
    return f"{count} blank columns at the end"


def without_rows(draft: Draft, random: Random) -> str:
    """A header and nothing below it."""
    del random
    draft.table.rows.clear()
    return "no rows"


TABLE_DAMAGES: tuple[TableDamage, ...] = (
    rename_column,
    respell_columns,
    shuffle_columns,
    drop_column,
    double_column,
    add_column,
    odd_values,
    odd_values,
    odd_values,
    fitting_values,
    odd_types,
    large_field,
    double_rows,
    empty_cells,
    repeat_header,
    add_footer,
    ragged_rows,
    blank_columns,
)


def _reorder(draft: Draft, order: list[int]) -> None:
    draft.table.header = [draft.table.header[index] for index in order]
    draft.table.rows = [[row[index] for index in order] for row in draft.table.rows]


# how it is written -------------------------------------------------------------------------------


def choose_form(draft: Draft, random: Random) -> str:
    """How the table becomes a file: CSV mostly, of any delimiter, line end and encoding."""
    draft.form = random.choice(["csv"] * 7 + ["jsonl"] * 2 + ["parquet"])
    draft.is_gzip = draft.form != "parquet" and random.random() < 0.2
    if draft.form != "csv":
        return draft.suffix
    draft.delimiter = random.choice([","] * 5 + ["\t", ";", "|"])
    draft.quotes_all = random.random() < 0.3
    draft.line_end = random.choice(["\n", "\n", "\r\n", "\r\n", "\r"])
    draft.encoding = random.choice(
        ["utf-8"] * 3 + ["utf-8-sig", "cp932", "utf-16", "utf-16-le", "latin-1", "euc_jp", "mixed"]
    )
    if draft.encoding in ("utf-16-le", "latin-1", "euc_jp", "mixed") or draft.delimiter == "|":
        draft.is_harmless = False
    return (
        f"{draft.suffix} in {draft.encoding}, delimiter {draft.delimiter!r}, line end "
        f"{draft.line_end!r}{', all quoted' if draft.quotes_all else ''}"
    )


def written(draft: Draft, random: Random) -> bytes:
    """The file's bytes, before anything happens to these."""
    if draft.form == "parquet":
        return _parquet(draft)
    is_jsonl = draft.form == "jsonl"
    content = _jsonl(draft) if is_jsonl else _encoded(_csv(draft, random), draft, random)
    return gzip.compress(content, mtime=0) if draft.is_gzip else content


def _csv(draft: Draft, random: Random) -> list[str]:
    rows = draft.table.rows
    for index in random.sample(range(len(rows)), min(draft.ragged_rows, len(rows))):
        is_short = random.random() < 0.5 and len(rows[index]) > 1
        rows[index] = rows[index][:-1] if is_short else [*rows[index], random.choice(["", "x"])]
    lines = []
    for row in (draft.table.header, *rows):
        text = io.StringIO(newline="")
        csv.writer(
            text,
            delimiter=draft.delimiter,
            quoting=csv.QUOTE_ALL if draft.quotes_all else csv.QUOTE_MINIMAL,
            lineterminator=draft.line_end,
        ).writerow(row)
        lines.append(text.getvalue())
    return lines


def _encoded(lines: list[str], draft: Draft, random: Random) -> bytes:
    if draft.encoding == "mixed":
        return b"".join(line.encode(random.choice(["utf-8", "cp932"]), "replace") for line in lines)
    text = "".join(lines)
    try:
        return text.encode(draft.encoding)
    except UnicodeEncodeError:
        draft.is_harmless = False
        draft.recipe.append(f"what {draft.encoding} lacks replaced by ?")
        return text.encode(draft.encoding, "replace")


def _jsonl(draft: Draft) -> bytes:
    lines = []
    for row in draft.table.rows:
        record = dict(zip(draft.table.header, row, strict=True))
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    lines += [f"{line}\n" for line in draft.raw_lines]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _parquet(draft: Draft) -> bytes:
    width = len(draft.table.header)
    columns = [
        pa.array([row[index] for row in draft.table.rows], pa.string()) for index in range(width)
    ]
    for index, array in draft.arrays.items():
        # rows and columns may have come and gone since
        if index < width and len(array) == len(draft.table.rows):
            columns[index] = array
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=draft.table.header), stream)
    return stream.getvalue()


# bytes -------------------------------------------------------------------------------------------


def _place(content: bytes, random: Random) -> int:
    return random.randrange(len(content) + 1)


def flip_bytes(content: bytes, random: Random) -> tuple[bytes, str]:
    """Some bytes become others."""
    changed = bytearray(content)
    count = min(len(changed), random.choice([1, 3, 20, 200]))
    for _ in range(count):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed), f"{count} bytes flipped"


def cut_off(content: bytes, random: Random) -> tuple[bytes, str]:
    """The file ends in the middle."""
    place = _place(content, random)
    return content[:place], f"cut off after {place} bytes"


def cut_out(content: bytes, random: Random) -> tuple[bytes, str]:
    """A piece is missing."""
    start = _place(content, random)
    length = random.choice([1, 10, 500])
    return content[:start] + content[start + length :], f"{length} bytes cut out at {start}"


def put_in(content: bytes, random: Random) -> tuple[bytes, str]:
    """Something is put in that does not belong there."""
    piece = random.choice(
        [b"\0", b"\0" * 300, b'"', b"\xff", b"\xef\xbb\xbf", b"\r", b"\n\n\n", b"\x1a", b"\x80\x81"]
    )
    start = _place(content, random)
    return content[:start] + piece + content[start:], f"{piece[:4]!r} put in at {start}"


def open_quote(content: bytes, random: Random) -> tuple[bytes, str]:
    """A quote is opened at the start of a field, and nobody closes it."""
    commas = [index for index, byte in enumerate(content[:200_000]) if byte in b",;\t\n"]
    start = random.choice(commas) + 1 if commas else 0
    return content[:start] + b'"' + content[start:], f"quote opened at {start}"


def swap_pieces(content: bytes, random: Random) -> tuple[bytes, str]:
    """Two halves change places."""
    place = _place(content, random)
    return content[place:] + content[:place], f"turned round at {place}"


def repeat_piece(content: bytes, random: Random) -> tuple[bytes, str]:
    """A piece stands there twice."""
    start = _place(content, random)
    end = min(len(content), start + random.choice([20, 400, 4000]))
    return content[:end] + content[start:], f"bytes {start} to {end} twice"


def prepend_lines(content: bytes, random: Random) -> tuple[bytes, str]:
    """Lines above the header: blank ones, a title, a byte order mark of another encoding."""
    piece = random.choice([b"\n\n", b"Report of calls\n", b",,,\n", b"\xff\xfe", b"sep=;\n"])
    return piece + content, f"{piece!r} before the header"


def empty_file(content: bytes, random: Random) -> tuple[bytes, str]:
    """Nothing, or next to nothing."""
    del content
    piece = random.choice([b"", b"\n", b"\xef\xbb\xbf", b"\0", b" ", b"PK\x03\x04", b"\x1f\x8b"])
    return piece, f"only {piece!r}"


def compress_again(content: bytes, random: Random) -> tuple[bytes, str]:
    """Gzip where none is expected, or cut off, or with something behind it."""
    packed = gzip.compress(content, mtime=0)
    kind = random.choice(["whole", "cut off", "something behind it"])
    if kind == "cut off":
        packed = packed[: random.randrange(len(packed))]
    elif kind == "something behind it":
        packed += b"garbage"
    return packed, f"compressed, {kind}"


BYTE_DAMAGES: tuple[ByteDamage, ...] = (
    flip_bytes,
    flip_bytes,
    cut_off,
    cut_off,
    cut_out,
    put_in,
    put_in,
    open_quote,
    swap_pieces,
    repeat_piece,
    prepend_lines,
    empty_file,
    compress_again,
)

# Parts of file names that a shell, SQL, a pattern or a terminal would take for something else.
NAME_PARTS = (
    "'; drop table x; --",
    '"',
    "$(touch fuzz_escape)",
    "`touch fuzz_escape`",
    "[1]",
    "{1,2}",
    "*",
    "?",
    "..",
    "...csv",
    "%2e%2e%2f",
    "株式会社①",
    "e\u0301",
    "\u202ecsv",
    "\n",
    "\x1b[31m",
    " ",
    "#",
    "&<b>",
    "=1+1",
    "\\",
    "{{ x }}",
    "x" * 180,
    "x" * 235,
)

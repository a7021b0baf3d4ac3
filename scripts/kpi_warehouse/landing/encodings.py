"""Bytes of a file: its hash, its compression, its encoding, and its way into strict UTF-8.

Text is decoded strictly, always: a character that cannot be read is never replaced.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.landing.refusal import Refusal

UTF_8 = "utf-8"
CP932 = "cp932"
UTF_16_LE = "utf-16-le"
UTF_16_BE = "utf-16-be"

# A header that is longer is none.
HEAD_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
# DuckDB drops such a line without a word if no line end follows it.
LONG_LINE = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_BOMS = {b"\xef\xbb\xbf": UTF_8, b"\xff\xfe": UTF_16_LE, b"\xfe\xff": UTF_16_BE}
_MAGIC_OF_BINARIES = (b"PK\x03\x04", b"\x89PNG", b"%PDF-", b"\xd0\xcf\x11\xe0", b"PAR1", b"SQLite")
_EXPORT_CSV = "export it as CSV in UTF-8"
# Bytes of text wrongly decoded: half-width kana, U+FFFD, or the kanji that the lead bytes of kana
# turn into. Cheap to look for; what they hit is judged cell by cell.
_KANA_LEADS = re.compile(rb"\xe7(?:\xb8\xba|\xb9[\xa7\x9d])")
_HALF_WIDTH = re.compile(rb"\xef(?:\xbd[\xa1-\xbf]|\xbe[\x80-\x9f]|\xbf\xbd)")
# Files up to this size are judged cell by cell without the cheap look.
_SMALL_FILE = 4 << 20
# Python's CP932 decodes bytes that the code page does not define to these.
_UNDEFINED_IN_CP932 = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
_UNDEFINED_BYTES = re.compile(rb"\xc2[\x80\xa0]|\xef\xa3[\xb0-\xb3]")


@dataclass(frozen=True)
class Survey:
    """What one pass over the bytes of a file shows."""

    sha256: str
    size: int  # of the content, decompressed
    head: bytes
    is_gzip: bool
    is_cut_off: bool
    has_null: bool
    has_long_line: bool
    may_hold_mojibake: bool


class Content:
    """The bytes of a file, decompressed. `is_cut_off` is known when all were drawn."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        with path.open("rb") as stream:
            begin = stream.read(len(_GZIP_MAGIC))
        self.is_gzip = begin == _GZIP_MAGIC
        if not self.is_gzip and name.casefold().endswith(".gz") and begin:
            raise Refusal("file_not_gzip", "not gzip", "compress it again, or drop .gz")
        self.is_cut_off = False

    def chunks(self, digest: hashlib._Hash | None = None) -> Iterator[bytes]:
        """Draw the content; `digest` is fed with the bytes as they are in the file."""
        self.is_cut_off = False
        with self.path.open("rb") as stream:
            raw = iter(lambda: stream.read(_CHUNK_BYTES), b"")
            yield from self._inflated(raw, digest) if self.is_gzip else _hashed(raw, digest)

    def _inflated(self, raw: Iterator[bytes], digest: hashlib._Hash | None) -> Iterator[bytes]:
        inflater = zlib.decompressobj(wbits=31)
        is_damaged = False
        for chunk in _hashed(raw, digest):
            while chunk and not is_damaged:
                if inflater.eof:
                    if not chunk.startswith(_GZIP_MAGIC):
                        break  # padding after the last member
                    inflater = zlib.decompressobj(wbits=31)
                before = inflater.copy()
                try:
                    text = inflater.decompress(chunk, _CHUNK_BYTES)
                except zlib.error:
                    is_damaged = True
                    yield from _until_damage(before, chunk)
                    break
                chunk = inflater.unused_data or inflater.unconsumed_tail
                if text:
                    yield text
        # what the inflater still holds back
        while not is_damaged and not inflater.eof:
            text = inflater.decompress(inflater.unconsumed_tail, _CHUNK_BYTES)
            if not text:
                break
            yield text
        self.is_cut_off = is_damaged or not inflater.eof


def survey(path: Path, name: str) -> Survey:
    """Look through a text file once. Raises Refusal if it is none, or empty."""
    content = Content(path, name)
    digest = hashlib.sha256()
    head, size = b"", 0
    has_null = has_long_line = is_suspicious = False
    is_ascii = True
    tail = 0  # bytes since the last line end
    for chunk in content.chunks(digest):
        if len(head) < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - len(head)]
        size += len(chunk)
        has_null = has_null or b"\0" in chunk
        end = chunk.rfind(b"\n")
        tail = tail + len(chunk) if end < 0 else len(chunk) - end - 1
        has_long_line = has_long_line or tail > LONG_LINE
        if not chunk.isascii():
            is_ascii = False
            is_suspicious = is_suspicious or looks_like_mojibake(chunk)
    if content.is_gzip and not size and content.is_cut_off:
        raise Refusal("file_not_gzip", "not gzip, or cut off", "compress it again")
    return Survey(
        sha256=digest.hexdigest(),
        size=size,
        head=head,
        is_gzip=content.is_gzip,
        is_cut_off=content.is_cut_off,
        has_null=has_null,
        has_long_line=has_long_line,
        may_hold_mojibake=not is_ascii and (is_suspicious or size <= _SMALL_FILE),
    )


def hash_file(path: Path) -> str:
    """SHA-256 of a file as it is."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def looks_like_mojibake(utf_8: bytes) -> bool:
    """Whether text in UTF-8 holds bytes that wrongly decoded Japanese has."""
    return (
        b"\xc3" in utf_8
        or (b"\xef" in utf_8 and _HALF_WIDTH.search(utf_8) is not None)
        or _KANA_LEADS.search(utf_8) is not None
    )


def encoding_of_head(head: bytes) -> tuple[str, bool]:
    """The encoding that the first bytes tell, and whether it is sure.

    Order: byte order mark, the NULs of UTF-16, then UTF-8, which is not sure before all was read.
    Raises Refusal for empty and binary files.
    """
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            if not _without_bom(head, encoding).strip(b" \t\r\n\0"):
                raise Refusal(
                    "file_empty", "empty, not even a header line", "export it again, or remove it"
                )
            return encoding, True
    if not head.strip():
        raise Refusal(
            "file_empty",
            "empty, not even a header line" if head else "empty (0 bytes)",
            "export it again, or remove it",
        )
    if head.startswith(_MAGIC_OF_BINARIES):
        raise Refusal("file_not_text", "not text (a binary file)", _EXPORT_CSV)
    sample = head[: 1 << 16]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > len(sample) // 20 and even * 20 <= odd:
        return UTF_16_LE, True
    if even > len(sample) // 20 and odd * 20 <= even:
        return UTF_16_BE, True
    controls = sum(sample.count(byte) for byte in range(32) if byte not in b"\t\n\v\f\r\x1a\x1b")
    if controls * 20 > len(sample):
        raise Refusal("file_not_text", "not text (a binary file)", _EXPORT_CSV)
    return UTF_8, False


def decode_head(head: bytes, encoding: str) -> str | None:
    """The first bytes as text, strictly; None if they cannot be decoded.

    A character that the end of a full head cuts in two is left out.
    """
    head = _without_bom(head, encoding)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(head, final=len(head) < HEAD_BYTES - 3)
    except UnicodeDecodeError:
        return None
    return None if encoding == CP932 and _UNDEFINED_IN_CP932.search(text) else text


def decode_line(line: bytes, encoding: str) -> str | None:
    """A line as text, strictly; None if it cannot be decoded."""
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if encoding == CP932 and _UNDEFINED_IN_CP932.search(text) else text


def find_encoding(content: Content) -> tuple[str, bool]:
    """UTF-8 or CP932 by the whole file, and whether some lines are damaged.

    A file is in the encoding that most of its lines with other characters than ASCII can be
    read in, UTF-8 first: it is so selective that no text in CP932 passes for it.
    """
    read_before = 0
    for block in _line_blocks(content.chunks()):
        if block.isascii():
            continue
        if decode_line(block, UTF_8) is not None:
            read_before += 1
            continue
        lines = [line for line in block.splitlines() if not line.isascii()]
        in_utf_8 = sum(decode_line(line, UTF_8) is not None for line in lines)
        in_cp932 = sum(decode_line(line, CP932) is not None for line in lines)
        if read_before or in_utf_8 * 2 > len(lines):
            return UTF_8, True
        return (CP932, in_cp932 < len(lines)) if in_cp932 * 2 >= len(lines) else (UTF_8, True)
    return UTF_8, False


def as_lines_of_bytes(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Chunks whose line ends, commas and quotes are single bytes: UTF-16 becomes UTF-8.

    A lone surrogate becomes bytes that are no UTF-8, so that its line is found damaged later.
    """
    if encoding not in (UTF_16_LE, UTF_16_BE):
        yield from _skipping_bom(chunks, b"\xef\xbb\xbf" if encoding == UTF_8 else b"")
        return
    bom = b"\xff\xfe" if encoding == UTF_16_LE else b"\xfe\xff"
    rest = b""
    for chunk in _skipping_bom(chunks, bom):
        data = rest + chunk
        # a pair of surrogates must not be cut either
        cut = len(data) & ~1
        if cut >= 2 and _is_high_surrogate(data[cut - 2 : cut], encoding):
            cut -= 2
        rest = data[cut:]
        yield data[:cut].decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    if rest:
        yield b"\xff"  # half a character at the end of the file


def transcode(content: Content, encoding: str, target: Path) -> bool:
    """Write a file's text in UTF-8; whether it may hold mojibake.

    Raises UnicodeError at the first character that cannot be read, or that is a NUL.
    """
    is_suspicious = False
    with target.open("wb") as stream:
        for chunk in _strict_utf_8(content, encoding):
            if b"\0" in chunk:
                raise UnicodeError("a null byte")
            if not is_suspicious and not chunk.isascii():
                is_suspicious = looks_like_mojibake(chunk)
            stream.write(chunk)
        return is_suspicious or stream.tell() <= _SMALL_FILE


def _strict_utf_8(content: Content, encoding: str) -> Iterator[bytes]:
    if encoding == CP932:
        for block in _line_blocks(content.chunks()):
            if block.isascii():
                yield block
                continue
            text = block.decode(CP932).encode()
            if _UNDEFINED_BYTES.search(text):
                raise UnicodeError("bytes that the code page does not define")
            yield text
        return
    for chunk in as_lines_of_bytes(content.chunks(), encoding):
        chunk.decode()
        yield chunk


def _line_blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut chunks at line ends, so that no character is cut; a line of many chunks stays whole."""
    rest: list[bytes] = []
    for chunk in chunks:
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join((*rest, chunk[:end]))
            rest = [chunk[end:]]
        else:
            rest.append(chunk)
            if len(rest) > 64:  # no text has such lines
                yield b"".join(rest)
                rest = []
    if any(rest):
        yield b"".join(rest)


def _until_damage(inflater: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """What stands before the damage, to the last few bytes."""
    for start in range(0, len(chunk), 64):
        try:
            yield inflater.decompress(chunk[start : start + 64])
        except zlib.error:
            return


def _hashed(raw: Iterator[bytes], digest: hashlib._Hash | None) -> Iterator[bytes]:
    for chunk in raw:
        if digest:
            digest.update(chunk)
        yield chunk


def _skipping_bom(chunks: Iterator[bytes], bom: bytes) -> Iterator[bytes]:
    is_first = True
    for chunk in chunks:
        yield chunk.removeprefix(bom) if is_first else chunk
        is_first = False


def _without_bom(head: bytes, encoding: str) -> bytes:
    for bom, found in _BOMS.items():
        if found == encoding:
            head = head.removeprefix(bom)
    return head


def _is_high_surrogate(pair: bytes, encoding: str) -> bool:
    return 0xD8 <= pair[1 if encoding == UTF_16_LE else 0] <= 0xDB

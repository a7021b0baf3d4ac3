"""Text that was decoded by the wrong encoding somewhere before it came here.

Japanese in UTF-8 read as CP932 looks like `譬ｪ蠑丈ｼ夂､ｾ`, read as Windows-1252 like `æ ªå¼`.
Such a text, encoded as it was wrongly decoded, is UTF-8 again, but for bytes that were lost: no
other Japanese text is, save by rare chance, which further conditions rule out.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
# what the lead bytes of hiragana and katakana in UTF-8 become in CP932; next to unused otherwise
_KANA_LEADS = "縺繧繝"


def _kanji_of_leads() -> str:
    """The kanji that begin a wrongly decoded kana or kanji: lead byte E3-E9, then 80-BF."""
    pairs = (bytes((lead, trail)) for lead in range(0xE3, 0xEA) for trail in range(0x80, 0xC0))
    found = (pair.decode("cp932", "ignore") for pair in pairs)
    return "".join(sorted({char for char in found if len(char) == 1}))


_LEAD_KANJI = frozenset(_kanji_of_leads())
_HALF_WIDTH = frozenset(map(chr, range(0xFF61, 0xFFA0)))

# a kana, a kanji or a full-width form in UTF-8
_WIDE_IN_UTF_8 = re.compile(rb"[\xe3-\xe9\xef][\x80-\xbf]{2}")

# RE2: a cell without any of these characters is no mojibake
SUSPECT_PATTERN = f"[{''.join(sorted(_LEAD_KANJI))}\u00c2-\u00f4{REPLACEMENT}]"


def is_mojibake(text: str) -> bool:
    """Whether a cell was decoded wrongly, or holds U+FFFD, which stands for lost characters."""
    if text.isascii():
        return False
    return REPLACEMENT in text or _was_read_as_cp932(text) or _was_read_as_windows_1252(text)


def _was_read_as_cp932(text: str) -> bool:
    wide = [char for char in text if not char.isascii()]
    leads = sum(char in _LEAD_KANJI for char in wide)
    if not leads:
        return False
    if sum(char in _KANA_LEADS for char in wide) >= 2:
        return True
    # every third byte at least became a rare kanji or half-width kana
    strange = leads + sum(char in _HALF_WIDTH for char in wide)
    if strange * 2 < len(wide):
        return False
    try:
        raw = text.encode("cp932")
    except UnicodeEncodeError:
        return False
    sequences = _WIDE_IN_UTF_8.findall(raw)
    high_bytes = sum(byte >= 0x80 for byte in raw)
    # bytes that CP932 does not define were lost on the way: then most of the rest has to fit
    if len(sequences) * 3 < high_bytes and (leads < 2 or len(sequences) * 5 < high_bytes):
        return False
    return bool(sequences) and all(_is_common_in_japanese(each.decode()) for each in sequences)


def _was_read_as_windows_1252(text: str) -> bool:
    raw = bytearray()
    for char in text:
        try:
            raw += char.encode("cp1252")
        except UnicodeEncodeError:
            if ord(char) > 0xFF:
                return False
            raw.append(ord(char))
    original, _ = _as_utf_8(bytes(raw))
    if original is None:
        return False
    restored = [char for char in original if not char.isascii()]
    # letters of Latin-1, punctuation, kana, kanji and full-width forms; a quotation mark after
    # an accented capital would pass for something else
    return bool(restored) and all(
        ord(char) < 0x100 or 0x2000 <= ord(char) < 0xA000 or ord(char) >= 0xF900
        for char in restored
    )


def _as_utf_8(raw: bytes) -> tuple[str | None, bool]:
    """The bytes as UTF-8, and whether the last character is cut off; None if they are none."""
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data" and raw[error.start] >= 0xE2
        if not is_cut or error.start == 0:
            return None, False
        return raw[: error.start].decode("utf-8"), True


def _is_common_in_japanese(char: str) -> bool:
    """Kana, punctuation, full-width forms, and the kanji of the first level of JIS X 0208."""
    try:
        code = char.encode("cp932")
    except UnicodeEncodeError:
        return False
    return len(code) == 1 or code < b"\x98\x9f" or code >= b"\xed\x40"

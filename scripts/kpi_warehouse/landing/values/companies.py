"""The key by which company names are compared; the name itself is stored as it is."""

from __future__ import annotations

import re
import unicodedata

# Marker -> how its legal form is written, after NFKC (which unfolds ㈱ and ㍿) and case folding.
_JAPANESE_FORMS = {
    "kk": ("株式会社", "株式會社", r"\(株式会社\)", r"\(株\)", r"〔株〕"),
    "yk": ("有限会社", "有限會社", r"\(有\)"),
    "gk": ("合同会社", "合同會社", r"\(同\)", r"\(合\)"),
    "gs": ("合資会社", r"\(資\)"),
    "gm": ("合名会社", r"\(名\)"),
    "ish": ("一般社団法人", r"\(一社\)"),
    "izh": ("一般財団法人", r"\(一財\)"),
    "ksh": ("公益社団法人", r"\(公社\)"),
    "kzh": ("公益財団法人", r"\(公財\)"),
    "gh": ("学校法人", r"\(学\)"),
    "ih": ("医療法人", r"\(医\)"),
    "sh": ("社会福祉法人", r"\(福\)"),
    "npo": ("特定非営利活動法人", "npo法人"),
}
# Bank kana: ｶ)ｱｸﾒ and ｱｸﾒ(ｶ
_KANA_FORMS = {"kk": "カ", "yk": "ユ", "gk": "ド"}
_LATIN_FORMS = (
    ("kk", r"k\.? ?k\.?|kabushiki ?(?:kaisha|gaisha)"),
    ("yk", r"y\.? ?k\.?|yugen ?(?:kaisha|gaisha)"),
    ("gk", r"g\.? ?k\.?|godo ?(?:kaisha|gaisha)"),
    ("ltd", r"co(?:mpany|\.)? ?,? ?(?:limited|ltd\.?)|ltd\.?|limited"),
    ("inc", r"inc(?:orporated|\.)?"),
    ("corp", r"corp(?:oration|\.)?"),
    ("llc", r"l\.?l\.?c\.?"),
    ("gmbh", r"gmbh"),
)
_MARK = "|"

# one search for all of them; the group that matches names the marker
_JAPANESE = re.compile(
    "|".join(
        f"(?P<{marker}>{'|'.join(spellings)})" for marker, spellings in _JAPANESE_FORMS.items()
    )
)
_KANA = [
    (re.compile(rf"^\(?{kana}\)|\({kana}\)?$"), f"{_MARK}{marker}{_MARK}")
    for marker, kana in _KANA_FORMS.items()
]
_LATIN = [
    (re.compile(rf"(?<=[^a-z0-9])(?:{spellings})$"), f"{_MARK}{marker}{_MARK}")
    for marker, spellings in _LATIN_FORMS
]
# 前株 in Latin letters
_LATIN.insert(0, (re.compile(r"^k\. ?k\.(?=.)"), f"{_MARK}kk{_MARK}"))


def company_key(name: str) -> str | None:
    """What is left of a name when spelling is taken away; None if nothing is.

    Width, letter case, blanks and punctuation do not matter. The legal form becomes a marker at
    its place, so that 株式会社アクメ (kk|アクメ), アクメ㈱ (アクメ|kk) and アクメ stay three firms.
    """
    # NFKC would make two letters of this sign and lose that it is a legal form
    text = unicodedata.normalize("NFKC", name.replace("㏍", "㈱")).casefold()
    text = " ".join(text.replace(_MARK, " ").split())
    text = _JAPANESE.sub(lambda found: f"{_MARK}{found.lastgroup}{_MARK}", text)
    if _MARK not in text:
        for pattern, marker in (*_KANA, *_LATIN):
            text, found = pattern.subn(marker, text.rstrip(" ,"))
            if found:
                break
    # every marker stands between two separators: the names are the parts before, between, behind
    parts = text.split(_MARK)
    parts[::2] = [_words(name) for name in parts[::2]]
    return _MARK.join(filter(None, parts)) if any(parts[::2]) else None


def _words(name: str) -> str:
    """Letters, digits and marks on letters; not blanks, punctuation, symbols or controls."""
    if name.isalnum():
        return name
    return "".join(each for each in name if unicodedata.category(each)[0] in "LNM")

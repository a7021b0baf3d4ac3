"""Why a whole file is not read: it cannot be understood at all."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  an outcome of a file, not an error of the program
    """A file that is refused: by which rule, what is wrong, and how to mend it."""

    def __init__(self, rule: str, what: str, mend: str) -> None:
        self.rule = rule
        self.what = what
        self.mend = mend
        super().__init__(f"{rule}: {what}; {mend}")

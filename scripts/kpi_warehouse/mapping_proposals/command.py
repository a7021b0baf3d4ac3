"""Show the rows that the mapping seeds lack, write them to be decided, append what was accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kpi_warehouse.console import table
from kpi_warehouse.errors import UserError
from kpi_warehouse.mapping_proposals.gaps import Gap, by_seed, read_gaps
from kpi_warehouse.mapping_proposals.proposals import (
    Proposal,
    propose,
    read_decisions,
    rows_to_append,
    write_proposals,
)
from kpi_warehouse.mapping_proposals.seeds import (
    MAPPINGS,
    Seed,
    append_rows,
    read_seed,
    seeds_of_rules,
)
from kpi_warehouse.mapping_proposals.text import shown

Say = Callable[[str], None]


def show(root: Path, warehouse: Path, say: Say) -> None:
    """Print, per mapping, each code that it lacks, where it occurs, and what it may mean.

    Raises UserError if there is no warehouse of this project.
    """
    gaps = read_gaps(warehouse)
    _, no_mappings = seeds_of_rules(root)
    if not gaps:
        say("未分類コードなし Every code has a mapping")
        return
    for seed, proposals in _proposals(root, gaps):
        for line in [*_lines(seed, proposals), ""]:
            say(line)
    others = [gap for gap in gaps if gap.rule in no_mappings]
    for gap in others:
        say(
            f"{gap.rule}, {gap.system}/{gap.object}: {shown(gap.code)}, {gap.row_count:,} rows; "
            f"no mapping: {no_mappings[gap.rule]}"
        )


def write(root: Path, warehouse: Path, folder: Path, say: Say) -> None:
    """Write one file of proposals per mapping that lacks codes; what was entered there is kept.

    Raises UserError if there is no warehouse, or a file that is there cannot be read.
    """
    gaps = read_gaps(warehouse)
    count = 0
    for seed, proposals in _proposals(root, gaps):
        path = folder / f"{seed.name}.csv"
        dropped = write_proposals(path, seed, proposals)
        count += len(proposals)
        near = sum(proposal.near is not None for proposal in proposals)
        say(f"  {path}: {len(proposals)} codes, {near} with a proposal")
        if dropped:
            say(f"  {dropped} accepted codes in it are not reported any more and were left out")
    if not count:
        say("未分類コードなし Every code has a mapping")
        return
    say(f"{count} codes: correct their targets, put 1 into `accept`, then make mappings ACCEPT=1")


def accept(root: Path, warehouse: Path, folder: Path, say: Say) -> None:
    """Append the rows marked in the files of proposals to their seeds, all or none.

    A row that its seed has already is passed over. Raises UserError if there is no such file, or
    a row must not be appended; then no seed changes.
    """
    gaps = by_seed(read_gaps(warehouse), seeds_of_rules(root)[0])
    names = sorted(set(seeds_of_rules(root)[0].values()))
    paths = {name: folder / f"{name}.csv" for name in names if (folder / f"{name}.csv").is_file()}
    if not paths:
        raise UserError("no proposals", folder, "run make mappings WRITE=1 first")
    found = []
    for name, path in paths.items():
        seed = read_seed(root / MAPPINGS / f"{name}.csv")
        decisions = read_decisions(path, seed)
        found.append((seed, rows_to_append(path, seed, decisions, gaps.get(name, []))))
    appended = 0
    for seed, rows in found:
        if rows:
            append_rows(seed, rows)
            appended += len(rows)
            say(f"  {len(rows)} rows added to {MAPPINGS / seed.path.name}")
    if appended:
        say("next: make definitions, which locks them, then make build")
    else:
        say("nothing new is marked with 1 in `accept`")


def _proposals(root: Path, gaps: list[Gap]) -> Iterator[tuple[Seed, list[Proposal]]]:
    for name, each in sorted(by_seed(gaps, seeds_of_rules(root)[0]).items()):
        seed = read_seed(root / MAPPINGS / f"{name}.csv")
        yield seed, propose(seed, each)


def _lines(seed: Seed, proposals: list[Proposal]) -> list[str]:
    body = []
    for proposal in proposals:
        file, row = proposal.example
        body.append(
            [
                shown(proposal.code),
                proposal.found_in,
                f"{shown(file)} {row}".strip() or "–",
                shown_words(seed, proposal),
                f"{proposal.row_count:,}",
            ]
        )
    header = [["コード Code", "由来 Found in", "例 Example", "案 Proposal", "件数 Rows"]]
    return [f"{MAPPINGS / seed.path.name}", *table(header, body, text_columns=4)]


def shown_words(seed: Seed, proposal: Proposal) -> str:
    """The proposal in words, on one line; what comes from the seed is the project's own."""
    return " ".join(proposal.in_words(seed).split())

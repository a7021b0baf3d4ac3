"""The readable list of what failed: what, where, expected, found, how to mend."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_warehouse.quality.checkpoint import Finding, SuiteResult


def in_order(results: Sequence[SuiteResult]) -> list[Finding]:
    """Every finding, errors before warnings, else as the suites were run."""
    findings = [finding for result in results for finding in result.findings]
    return sorted(findings, key=lambda finding: finding.rule.severity != "error")


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Five short lines per finding."""
    lines = []
    for finding in findings:
        rule = finding.rule
        lines += [
            f"[{rule.severity}] {rule.name_ja} / {rule.name_en}",
            f"    どこ where      {finding.where}",
            f"    期待 expected   {finding.expected}",
            f"    結果 found      {finding.found}",
            f"    対処 to mend    {rule.mend}",
        ]
    return lines


def closing_line(results: Sequence[SuiteResult], findings: Sequence[Finding]) -> str:
    """How much was checked and what came of it, in one line."""
    count = sum(result.expectation_count for result in results)
    errors = sum(finding.rule.severity == "error" for finding in findings)
    return (
        f"データ品質 Data quality: {count} expectations in {len(results)} suites, "
        f"{errors} errors, {len(findings) - errors} warnings"
    )

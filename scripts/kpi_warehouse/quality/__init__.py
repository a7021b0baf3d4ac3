"""Great Expectations at the two boundaries: landed extracts, and published marts.

Nothing here hands a value of a record to Great Expectations. DuckDB counts, over files of any
size, and a small profile of those counts (a row per file, mart or KPI) is what is validated, shown
in Data Docs and quoted in messages. See docs/decisions/0024-expectations-validate-profiles.md.

Importing `great_expectations` takes seconds: only `checkpoint` and the suites do, and they are
imported when a checkpoint really runs.
"""

"""Plant errors in the compiled models and the registry, one at a time; say which test catches each.

    python scripts/mutation.py [--sample N --seed S] [--rule RULE]… [--model NAME]…

Makes two small worlds below DATA_DIR/mutation, needs no warehouse of its own. Exit code 1 if an
error survives that is not on the reviewed list of equivalents, or the list is not true any more.
"""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse.console import say
from kpi_warehouse.errors import BuildError, run_command
from kpi_warehouse.settings import Settings


def main() -> None:
    """Read the options, run, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, help="how many mutants; default all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample; default 1")
    parser.add_argument("--rule", action="append", default=[], help="only this rule; repeatable")
    parser.add_argument(
        "--model", action="append", default=[], help="only this model or seed; repeatable"
    )
    parser.add_argument("--jobs", type=int, help="side by side; default one per core")
    options = parser.parse_args()

    # dbt and polars take seconds to import, which --help should not have to wait for
    from kpi_warehouse.mutation.report import lines
    from kpi_warehouse.mutation.run import Selection, run

    settings = Settings.from_environment(os.environ)
    selection = Selection(tuple(options.rule), tuple(options.model), options.sample, options.seed)
    outcome = run(settings.data_dir / "mutation", selection, say, jobs=options.jobs)
    for line in lines(outcome):
        say(line)
    if not outcome.is_clean:
        raise BuildError(
            f"{len(outcome.survivors)} mutants survived, "
            f"{len(outcome.stale) + len(outcome.wrongly_listed)} entries of the list are wrong",
            [],
        )


if __name__ == "__main__":
    sys.exit(run_command(main))

"""The project's rules, executable: each reads dbt's manifest or files and yields what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .exposures import (
    consumers_have_an_exposure,
    exposures_read_what_they_name,
    exposures_say_who_reads_what,
)
from .layout import layout_is_known
from .project import Project, ProjectError, Violation
from .references import (
    only_accepted_rows_are_read,
    only_staging_reads_sources,
    references_run_downstream,
    staging_systems_stay_apart,
)
from .registry import (
    REGISTRY_RULES,
    definitions_are_locked,
    funnel_follows_the_registry,
    source_fields_exist,
)
from .semantics import metrics_and_registry_agree
from .shape import (
    contract_types_are_portable,
    macro_files_hold_one_documented_macro,
    marts_have_a_contract,
    model_names_say_their_layer,
    models_have_a_key_test,
    models_state_their_grain,
    seeds_are_described_and_tested,
)
from .sql_rules import models_ignore_the_target, nothing_reads_the_clock, sql_is_portable
from .systems import (
    only_unions_name_systems,
    systems_account_for_their_rows,
    systems_agree_with_staging,
    systems_are_named_in_their_folder,
    unions_take_accepted_rows,
)
from .yaml_keys import yaml_keys_are_known

Rule = Callable[[Project], Iterator[Violation]]

RULES: tuple[Rule, ...] = (
    references_run_downstream,
    staging_systems_stay_apart,
    only_staging_reads_sources,
    only_accepted_rows_are_read,
    only_unions_name_systems,
    systems_are_named_in_their_folder,
    systems_agree_with_staging,
    systems_account_for_their_rows,
    unions_take_accepted_rows,
    model_names_say_their_layer,
    models_state_their_grain,
    models_have_a_key_test,
    marts_have_a_contract,
    contract_types_are_portable,
    seeds_are_described_and_tested,
    macro_files_hold_one_documented_macro,
    nothing_reads_the_clock,
    sql_is_portable,
    models_ignore_the_target,
    yaml_keys_are_known,
    layout_is_known,
    *REGISTRY_RULES,
    source_fields_exist,
    funnel_follows_the_registry,
    definitions_are_locked,
    metrics_and_registry_agree,
    exposures_say_who_reads_what,
    exposures_read_what_they_name,
    consumers_have_an_exposure,
)


def violations(project: Project) -> list[Violation]:
    """Return everything that breaks a rule, in the order of the rules."""
    return [violation for rule in RULES for violation in rule(project)]


__all__ = ["RULES", "Project", "ProjectError", "Rule", "Violation", "violations"]

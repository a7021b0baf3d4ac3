"""What was agreed: the registry's rules, and the lock that holds it."""

from .rules import registry_problems

__all__ = ["registry_problems"]

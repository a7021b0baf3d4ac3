"""Damaged extracts, made by rules from a seed, through landing and through the build."""

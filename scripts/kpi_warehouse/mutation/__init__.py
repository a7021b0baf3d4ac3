"""Planting errors in the compiled models and the registry, to see which test catches each."""

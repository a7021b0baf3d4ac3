"""Everything of the KPI warehouse that is Python: landing, sample world, truth, release."""

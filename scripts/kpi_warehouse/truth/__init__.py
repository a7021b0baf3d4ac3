"""The independent truth: every KPI computed from the world's log, to hold the warehouse against.

Nothing here reads an extract or a table of the warehouse. The log says what happened; these modules
say what of it each measure counts. Which measures make a KPI is read from its metric, which states
the formula apart from the marts; the registry only says on which bases and dimensions it exists.
Two computations that share no code and no input file, and still agree to the last count, are
evidence; one computation is an opinion.
"""

"""The independent truth: every KPI computed from the world's log, to hold the warehouse against.

Nothing here reads an extract, a seed of the registry or a table of the warehouse. The log says
what happened; these modules say what that counts as. Two computations that share no code and no
input file, and still agree to the last count, are evidence; one computation is an opinion.
"""

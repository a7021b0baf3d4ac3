"""Confidence intervals of proportions."""

from math import sqrt

# The 97.5 % point of the standard normal distribution: a two-sided 95 % interval.
Z_95 = 1.959963984540054


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float] | None:
    """Lower and upper limit (0 to 1) of Wilson's score interval; None without trials (R1).

    With p = successes / trials and n = trials::

        (p + z²/2n ± z · sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    Journal of the American Statistical Association 22 (1927), 209-212; in this form as eq. (4)
    of Brown, Cai and DasGupta, "Interval Estimation for a Binomial Proportion", Statistical
    Science 16 (2001), 101-133.

    Raises:
        ValueError: successes are not between 0 and trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials is not a proportion")
    if trials == 0:
        return None
    share = successes / trials
    shrink = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / shrink
    half = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / shrink
    # At 0 and at all trials the limit is exactly 0 and 1; floating point would miss it by 1e-17.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return low, high

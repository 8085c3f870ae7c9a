"""One version against the one before, input by input, on the same eval set (WORK-5). Pure."""

from dataclasses import dataclass
from math import exp, lgamma, log

# A margin over a tenth would let anything through.
MOST_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same inputs: how many were right in each, and which changed sides.

    ``n`` counts the inputs that both have; ``missing`` are those of the earlier run that the new one left out.
    """

    n: int
    before: int
    after: int
    better: int
    worse: int
    missing: int

    @property
    def change(self) -> float:
        """The new share of right ones minus the old one, over the common inputs."""
        return (self.after - self.before) / self.n if self.n else 0.0

    @property
    def p_value(self) -> float:
        """Two-sided exact McNemar (1947): how likely so uneven a split of what changed is if neither is better."""
        changed = self.better + self.worse
        if not changed:
            return 1.0
        # In logarithms, so that a hundred thousand changed inputs are no problem.
        ways = (
            exp(lgamma(changed + 1) - lgamma(k + 1) - lgamma(changed - k + 1) - changed * log(2))
            for k in range(min(self.better, self.worse) + 1)
        )
        return min(1.0, 2 * sum(ways))

    def shortcoming(self, margin: float) -> str:
        """Why the new version can't be rolled out on this, or nothing."""
        if self.missing:
            return f"The run leaves out {self.missing} of the eval set's inputs; run all of them."
        if not self.n:
            return "The run has no input in common with the one before."
        # Rounded, so that two in a hundred is two in a hundred whatever the last bit of a float says.
        if round(-self.change - margin, 9) > 0:
            return f"{self.words()}; at most {margin:.1%} worse is allowed."
        return ""

    def words(self) -> str:
        now, then = self.after / self.n, self.before / self.n
        return (
            f"{now:.3f} right instead of {then:.3f} on {self.n} inputs "
            f"({self.better} better, {self.worse} worse, p = {self.p_value:.3f})"
        )

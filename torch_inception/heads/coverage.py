"""Sets of labels that hold the true one with a chosen probability."""

import math

from torch_inception.config import COVERAGES
from torch_inception.heads.metrics import Answers


def coverage_thresholds(answers: Answers) -> dict[float, float]:
    """Return, for each of `COVERAGES`, the lowest score of a label that belongs into a set.

    Of n images that a head was not fitted on, the surprise 1 - p of the true class is sorted; the
    threshold is 1 less the ceil((n + 1) coverage)-th smallest (Vovk, Gammerman and Shafer 2005,
    "Algorithmic Learning in a Random World"; Angelopoulos and Bates 2021, arXiv:2107.07511, section
    1). With images of their own that promises the coverage; with training images, each left out in
    turn, it is what was measured (docs/results.md).

    Args:
        answers: of heads that were not fitted on the rows.

    Returns:
        coverage -> threshold, 0 to 1; 0, so that every label belongs, where n is too small.
    """
    surprises = (1 - (-answers.loss).exp()).sort().values.tolist()
    return {coverage: _threshold(surprises, coverage) for coverage in COVERAGES}


def _threshold(surprises: list[float], coverage: float) -> float:
    # Rounded, since 0.9 * 10 is not 9 in binary fractions.
    rank = math.ceil(round((len(surprises) + 1) * coverage, 9))
    return 1 - surprises[rank - 1] if rank <= len(surprises) else 0.0

"""Tell of images of more than 8 bits: how they are scaled, and whether 8 bits are beside them."""

import logging
from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from torch_inception.datasets.dataset import Dataset
from torch_inception.features.cached_pass import PassResult
from torch_inception.images.deep import PERCENTILES
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.escape import counted, printable

log = logging.getLogger(__name__)

LEAST_EXPLAINED = 0.25
"""Share of the variance of depth that classes explain from which on the two go together: that of a
correlation of 0.5, which Cohen (1988, "Statistical Power Analysis", 3.2) calls large."""


def tell_of_bit_depth(
    pass_result: PassResult, dataset: Dataset, preprocessing: Preprocessing
) -> None:
    """Log how many images are scaled; warn where a classifier could tell classes by bit depth.

    Args:
        pass_result: the images.
        dataset: that they are of, for their classes.
        preprocessing: that they had.
    """
    is_deep = pass_result.facts["is_deep"]
    deep = int(numpy.count_nonzero(is_deep))
    others = len(is_deep) - deep
    if deep and preprocessing.value_range is None:
        log.info(
            "intensity: %s of more than 8 bits, each scaled by its own %g and %g percentiles "
            "(--intensity)",
            counted(deep, "image"), *PERCENTILES,
        )  # fmt: skip
    if not deep or not others:
        return
    both = (f"{others:,} {'has' if others == 1 else 'have'} 8 bits", f"{deep:,}")
    target_of = dict(zip(dataset.paths, dataset.targets, strict=True))
    targets = numpy.array([target_of[path] for path in pass_result.paths])
    if share_explained(is_deep, targets) < LEAST_EXPLAINED:
        log.info("intensity: of the images, %s and %s more; only the latter are scaled", *both)
    else:
        log.warning(
            "WARNING: of the images, %s and %s more, and that goes with the class: %s. The "
            "classifier may learn the bit depth in place of what the images show. Save all "
            "images with the same bit depth.",
            *both, _extremes(is_deep, targets, dataset.label_texts),
        )  # fmt: skip


def share_explained(is_such: NDArray[numpy.bool_], targets: NDArray[numpy.int64]) -> float:
    """Return the share of a property's variance that classes explain, less what chance would.

    That is the adjusted R squared of its mean in each class (Ezekiel 1930, "Methods of
    Correlation Analysis"); for a property that some images have and others have not.

    Args:
        is_such: (N,) which images have it.
        targets: (N,) their class numbers.

    Returns:
        at most 1; 0 or less where classes tell nothing of it.
    """
    _, members, sizes = numpy.unique(targets, return_inverse=True, return_counts=True)
    if len(sizes) == len(targets):
        return 0.0
    shares = numpy.bincount(members, weights=is_such) / sizes
    unexplained = (sizes * shares * (1 - shares)).sum() / (len(targets) - len(sizes))
    total = len(targets) * is_such.mean() * (1 - is_such.mean()) / (len(targets) - 1)
    return float(1 - unexplained / total)


def _extremes(
    is_deep: NDArray[numpy.bool_], targets: NDArray[numpy.int64], labels: Sequence[str]
) -> str:
    """Name the class with the largest share of deep images, and the one with the smallest."""
    sizes = numpy.bincount(targets, minlength=len(labels))
    counts = numpy.bincount(targets, weights=is_deep, minlength=len(labels)).astype(int)
    found = numpy.flatnonzero(sizes)
    by_share = found[numpy.argsort(counts[found] / sizes[found], kind="stable")].tolist()
    most, least = (
        f"{counts[each]:,} of {sizes[each]:,} of {printable(labels[each])}"
        for each in (by_share[-1], by_share[0])
    )
    return f"{most} have more, and {least}"

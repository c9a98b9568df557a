"""Images that look mislabelled: others of their class, and of the rest, say another label."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
import torch
from torch import Tensor

from torch_inception.audit.audited_data import AuditedData
from torch_inception.features.near_copies import Labels, join
from torch_inception.heads.fit import FittedHead, fit_head
from torch_inception.heads.labelled_rows import LabelledRows
from torch_inception.training.grouping import groups_of

MOST_SELF_CONFIDENCE = 0.2
"""Label score up to which an image looks mislabelled, where another label has a higher one."""


class JudgedLabels(NamedTuple):
    """What heads say of N images that they were not fitted on.

    Attributes:
        score: (N,) float64, the probability of the image's own label (self-confidence; Northcutt,
            Jiang and Chuang 2021, "Confident Learning", arXiv:1911.00068); NaN for an image that
            cannot be left out: the only one of its class.
        predicted: (N,) int64, the class with the highest probability; the own one where the score
            is NaN.
        is_issue: (N,) bool, whether it looks mislabelled.
        fitted: the head of all images.
        rows: that it was fitted on.
    """

    score: Tensor
    predicted: Tensor
    is_issue: Tensor
    fitted: FittedHead
    rows: LabelledRows

    @property
    def mislabelled(self) -> list[int]:
        """Places of images that look mislabelled, the surest mistakes first."""
        places = self.is_issue.nonzero()[:, 0]
        found: list[int] = places[self.score[places].argsort(stable=True)].tolist()
        return found


def judge_labels(data: AuditedData, duplicates: Labels) -> JudgedLabels:
    """Return what is said of each label by all images but those that belong to its own.

    Each image is left out of the fit together with its duplicates and its group, exactly
    (`heads/solvers/leave_one_out.py`).

    Args:
        data: the images.
        duplicates: (N,) the same number for duplicates.
    """
    rows = LabelledRows(
        data.result.rows,
        data.targets,
        len(data.labels),
        groups=_group_numbers(data, duplicates),
        balanced=data.settings.class_weights == "balanced",
    )
    fitted = fit_head(data.settings, rows, rows.subset(torch.empty(0, dtype=torch.int64)))
    assert fitted.left_out is not None  # the solver leaves images out
    score = torch.full((len(data),), torch.nan, dtype=torch.float64)
    predicted = data.targets.clone()
    score[fitted.left_out] = (-fitted.held_out.loss).exp()
    predicted[fitted.left_out] = fitted.held_out.best
    is_issue = (predicted != data.targets) & (score <= MOST_SELF_CONFIDENCE)
    return JudgedLabels(score, predicted, is_issue, fitted, rows)


def _group_numbers(data: AuditedData, duplicates: Labels) -> Tensor:
    """Return the number (N,) of all that belongs to an image, in the order of contents."""
    names = groups_of(data.images)
    first: dict[str, int] = {}
    of_names = numpy.array([first.setdefault(name, n) for n, name in enumerate(names)])
    joined = join(of_names, numpy.arange(len(names)), duplicates)
    return torch.from_numpy(_in_order_of_content(data, joined.tolist()))


def _in_order_of_content(data: AuditedData, groups: Sequence[int]) -> Labels:
    """Number groups by the first content in them, so that the order of the files says nothing."""
    lowest: dict[int, bytes] = {}
    for group, image in zip(groups, data.images, strict=True):
        lowest[group] = min(lowest.get(group, image.digest), image.digest)
    number = {group: place for place, group in enumerate(sorted(lowest, key=lowest.__getitem__))}
    return numpy.array([number[group] for group in groups], numpy.int64)

"""What could be done about findings: images that could go, and images that could be relabelled."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.duplicates import DuplicateSet
from torch_inception.audit.findings import Findings


class Proposals(NamedTuple):
    """What could be done.

    Attributes:
        quarantine: place of an image that could go -> why, in the order of places.
        relabel: places of images that could get the label that they look like, the surest mistakes
            first; none that could go.
    """

    quarantine: Mapping[int, str]
    relabel: Sequence[int]


def propose(data: AuditedData, findings: Findings) -> Proposals:
    """Return what could be done.

    Blank images could go, duplicates but for one of each set, and images unlike every class.

    Args:
        data: the images.
        findings: what was found of them.
    """
    reasons = dict.fromkeys(findings.quality["blank"].nonzero()[0].tolist(), "blank")
    for each in findings.duplicates.sets:
        first = _worth_most(data, findings, each)
        for place in each.places:
            if place != first:
                reasons.setdefault(place, f"duplicate of {data.images[first].path}")
    for place in findings.outliers.is_issue.nonzero()[:, 0].tolist():
        reasons.setdefault(place, "unlike every class")
    relabelled = [place for place in findings.labels.mislabelled if place not in reasons]
    return Proposals(dict(sorted(reasons.items())), relabelled)


def _worth_most(data: AuditedData, findings: Findings, each: DuplicateSet) -> int:
    """Return the place of the image of a set that others are called duplicates of.

    That is the largest; across classes, the one whose label is the surest.
    """
    facts = data.result.facts
    is_across_classes = len(each.labels) > 1

    def worth(place: int) -> tuple[float, int, int]:
        score = float(findings.labels.score[place].nan_to_num(nan=0.0)) * is_across_classes
        return score, int(facts["width"][place]) * int(facts["height"][place]), -place

    return max(each.places, key=worth)

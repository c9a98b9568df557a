"""All that an audit finds, image by image."""

from collections.abc import Mapping
from typing import NamedTuple

import torch

from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.classes import ClassStates, judge_classes
from torch_inception.audit.duplicates import Duplicates, find_duplicates
from torch_inception.audit.labels import JudgedLabels, judge_labels
from torch_inception.audit.outliers import Outliers, find_outliers
from torch_inception.audit.quality import find_quality_issues
from torch_inception.features.near_copies import Flags
from torch_inception.system.threads import one_thread


class Findings(NamedTuple):
    """What is found of the images of a data set."""

    labels: JudgedLabels
    duplicates: Duplicates
    outliers: Outliers
    quality: Mapping[str, Flags]
    classes: ClassStates


def find_all(data: AuditedData, kept: Flags) -> Findings:
    """Look for everything that may be wrong.

    Args:
        data: the images.
        kept: (N,) which a person found right: nothing is told of these.
    """
    duplicates = find_duplicates(data, kept)
    quality = find_quality_issues(data.result.facts, data.targets)
    with one_thread():
        labels = judge_labels(data, duplicates.groups)
        outliers = find_outliers(labels.rows)
        classes = judge_classes(data, labels, duplicates.groups)
    asked = torch.from_numpy(~kept)
    is_blank = torch.from_numpy(quality["blank"])  # nothing speaks for any label
    labels = labels._replace(is_issue=labels.is_issue & ~is_blank & asked)
    outliers = outliers._replace(is_issue=outliers.is_issue & asked)
    quality = {kind: are_so & ~kept for kind, are_so in quality.items()}
    return Findings(labels, duplicates, outliers, quality, classes)

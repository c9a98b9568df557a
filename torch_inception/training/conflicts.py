"""Images whose bytes are in several classes: which label is right cannot be known."""

import dataclasses
import logging
from collections import defaultdict

import torch

from torch_inception.answers.prediction import NO_LABEL
from torch_inception.datasets.dataset import Dataset
from torch_inception.datasets.folder_shapes import quoted
from torch_inception.features.cached_pass import PassResult, Skipped
from torch_inception.system.escape import counted

log = logging.getLogger(__name__)

SHOWN = 10
"""Contents that are named on the screen at most."""


def without_conflicts(dataset: Dataset, pass_result: PassResult) -> PassResult:
    """Leave out images that lie in several classes, byte for byte, and tell which these are.

    Where an image may have several labels, these are images that have other labels elsewhere.

    Args:
        dataset: the labels of the files.
        pass_result: those that are whole images.

    Returns:
        the result without these images; they are among the skipped ones.
    """
    label_of = {
        path: dataset.label_texts[target]
        for path, target in zip(dataset.paths, dataset.targets, strict=True)
    }
    labels: defaultdict[bytes, dict[str, None]] = defaultdict(dict)  # in order, once each
    for path, digest in zip(pass_result.paths, pass_result.digests, strict=True):
        labels[digest][label_of[path]] = None
    what = "is in the classes" if dataset.several is None else "has different labels:"
    reasons = {
        digest: f"the same image {what} {quoted([label or NO_LABEL for label in found])}"
        for digest, found in labels.items()
        if len(found) > 1
    }
    if not reasons:
        return pass_result
    pairs = list(zip(pass_result.paths, pass_result.digests, strict=True))
    skipped = [Skipped(path, reasons[digest]) for path, digest in pairs if digest in reasons]
    where, instead = "in several classes", "Keep each in one class alone"
    if dataset.several is not None:
        where, instead = "with different labels", "Give each the same labels everywhere"
    log.warning(
        "WARNING: the same image %s is not used: %s in %s. %s, or use them all the same: "
        "--keep-conflicts.",
        where, counted(len(reasons), "image"), counted(len(skipped), "file"), instead,
    )  # fmt: skip
    for skip in skipped[:SHOWN]:
        log.warning("  %s: %s", skip.path, skip.reason)
    if len(skipped) > SHOWN:
        log.warning("  and %s; all are in skipped.csv", counted(len(skipped) - SHOWN, "more file"))
    kept = torch.tensor([digest not in reasons for _, digest in pairs], dtype=torch.bool)
    return dataclasses.replace(
        pass_result,
        paths=[path for path, digest in pairs if digest not in reasons],
        digests=[digest for _, digest in pairs if digest not in reasons],
        rows=pass_result.rows.subset(kept),
        facts=pass_result.facts[kept.numpy()],
        skipped=[*pass_result.skipped, *skipped],
    )

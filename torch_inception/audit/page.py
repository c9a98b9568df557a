"""The page of an audit: `audit.html`, which needs nothing else."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from markupsafe import Markup

from torch_inception.answers.shares import percent
from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.classes import ClassState
from torch_inception.audit.duplicates import DuplicateSet
from torch_inception.audit.findings import Findings
from torch_inception.audit.labels import MOST_SELF_CONFIDENCE
from torch_inception.audit.proposals import Proposals
from torch_inception.audit.quality import KINDS, TINY_SIDE
from torch_inception.audit.subject import AuditSubject
from torch_inception.audit.tables import AUDIT_FILE, KEPT_FILE, QUARANTINE_FILE, RELABEL_FILE
from torch_inception.datasets.parts import Part
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.heads.learning_curve import summed
from torch_inception.report import figures
from torch_inception.report.charts import sparkline
from torch_inception.report.gallery import Gallery, Tile
from torch_inception.report.page import render
from torch_inception.system.cache_folder import cache_folder
from torch_inception.training.examples import relative_name

AUDIT_PAGE = "audit.html"

MOST_LABELS = 120
"""Images that look mislabelled, in the page."""

MOST_SETS = 60
"""Sets of duplicates in the page."""

SHOWN_IN_SET = 6

MOST_IMAGES = 36
"""Images of every other kind of finding in the page."""

MOST_FILES = 100
"""Files that could not be read and that the page names."""

SIMILAR = 3
"""Images of the class that an image looks like, beside it."""

MOST_COMPARED = 2000
"""Images of a class among which these are looked for."""

PART_NAMES: Mapping[Part | None, str] = {
    None: "",
    "train": "for training",
    "validation": "for validation",
    "test": "for the test",
}

UNLIKE = "unlike"

NOTES: Mapping[str, str] = {
    UNLIKE: "The farthest from all classes first. They may have come in by mistake, or be rare and "
    "right.",
    "blank": "One plain colour, or nearly: there is nothing to learn from them.",
    "tiny": f"The shorter side has fewer than {TINY_SIDE} pixels.",
    "dark": "Nearly all of the image is dark.",
    "bright": "Nearly all of the image is bright.",
    "blurred": "Far less sharp than is usual in their class.",
}
"""What each kind of finding that images have by themselves means."""

LISTED_KINDS = (UNLIKE, "blank")
"""Those that quarantine.csv lists."""


class LabelView(NamedTuple):
    """An image that looks mislabelled, and images of the class that it looks like."""

    tile: Tile
    label: str
    predicted: str
    score: str
    similar: Sequence[Tile]


class SetView(NamedTuple):
    """A set of duplicates: (tile, label, part, what is proposed) of some of its images."""

    found: DuplicateSet
    images: Sequence[tuple[Tile, str, str, str]]


class KindView(NamedTuple):
    """Images of a kind of finding.

    Attributes:
        name: of the kind.
        note: what it means.
        is_listed: whether quarantine.csv lists these images.
        total: how many there are.
        images: (tile, label) of some.
    """

    name: str
    note: str
    is_listed: bool
    total: int
    images: Sequence[tuple[Tile, str]]


class ClassView(NamedTuple):
    """A class: its state, its learning curve in percent and drawn."""

    state: ClassState
    points: Sequence[str]
    chart: Markup


def audit_page(
    subject: AuditSubject,
    data: AuditedData,
    findings: Findings,
    proposals: Proposals,
    *,
    thumbnails: bool,
) -> str:
    """Return the page of an audit.

    Args:
        subject: what was audited.
        data: its images.
        findings: what was found of them.
        proposals: what could be done about that.
        thumbnails: whether images are shown.
    """
    gallery = Gallery(Thumbnails(cache_folder()) if thumbnails else None, data.preprocessing)
    views = _Views(data, findings, proposals, gallery)
    content = {
        **views.content(),
        "title": (subject.run or Path(subject.config.labels or subject.config.data)).resolve().name,
        "commands": commands(subject),
    }
    return render(AUDIT_PAGE, content, gallery, room="audit")


def commands(subject: AuditSubject) -> Mapping[str, str]:
    """Return what is typed to do what the lists say."""
    config = subject.config
    start = ["torch-inception", "audit"]
    start += filter(None, [str(subject.run or config.data)])
    flags = {
        "--labels": config.labels,
        "--path-column": config.path_column,
        "--label-column": config.label_column,
    }
    if subject.run is None:
        start += [part for flag, value in flags.items() if value for part in (flag, value)]
    if subject.is_elsewhere:
        start += ["--output", str(subject.output)]
    return {
        "relabel": shlex.join([*start, "--relabel", str(subject.output / RELABEL_FILE)]),
        # Beside the lists it is outside the data, and no other data set's.
        "quarantine": shlex.join([*start, "--quarantine", str(subject.output / "quarantine")]),
    }


@dataclass(frozen=True)
class _Views:
    """What the page shows.

    Attributes:
        data: the images.
        findings: what was found of them.
        proposals: what could be done about that.
        gallery: of their thumbnails: who asks first is sure to have them.
    """

    data: AuditedData
    findings: Findings
    proposals: Proposals
    gallery: Gallery

    def content(self) -> dict[str, Any]:
        """Return what the template is given."""
        findings, sets = self.findings, self.findings.duplicates.sets
        mislabelled = findings.labels.mislabelled
        # Their thumbnails come before those of images beside them.
        self._tiles(mislabelled[:MOST_LABELS])
        duplicates = [self._set(each) for each in sets[:MOST_SETS]]
        unlike, *quality = self._kinds()
        skipped, points = self.data.result.skipped, findings.classes.points
        return {
            "kind": "audit",
            "images": len(self.data),
            "labels": [self._label(place) for place in mislabelled[:MOST_LABELS]],
            "most_of_mislabelled": f"{MOST_SELF_CONFIDENCE:.0%}",
            "label_count": len(mislabelled),
            "sets": duplicates,
            "set_count": len(sets),
            "across_classes": sum(len(each.labels) > 1 for each in sets),
            "across_split": sum(each.is_split for each in sets),
            "unlike": unlike,
            "quality": [view for view in quality if view.total],
            "classes": self._classes(),
            "shares": [f"{point.images:,}" for point in points],
            "learning": figures.learning(summed(points)),
            "skipped": [
                (relative_name(each.path, self.data.folder), each.reason)
                for each in skipped[:MOST_FILES]
            ],
            "skipped_count": len(skipped),
            "relabelled": len(self.proposals.relabel),
            "quarantined": len(self.proposals.quarantine),
            "tables": {
                "audit": AUDIT_FILE,
                "quarantine": QUARANTINE_FILE,
                "relabel": RELABEL_FILE,
                "kept": KEPT_FILE,
            },
            "shows_images": self.gallery.is_open,
        }

    def _tiles(self, places: Sequence[int]) -> list[Tile]:
        return self.gallery.tiles(self.data, [self.data.images[place].path for place in places])

    def _label(self, place: int) -> LabelView:
        (tile,), labels = self._tiles([place]), self.findings.labels
        return LabelView(
            tile,
            self.data.images[place].label,
            self.data.labels[int(labels.predicted[place])],
            percent(float(labels.score[place])),
            self._tiles(self._similar(place)),
        )

    def _similar(self, place: int) -> list[int]:
        """Return the images most like one, of the class that it is taken for.

        Its duplicates are not among them, nor is what looks mislabelled, too.
        """
        labels, groups = self.findings.labels, self.findings.duplicates.groups
        is_other = (self.data.targets == labels.predicted[place]) & ~labels.is_issue
        is_other &= torch.from_numpy(groups != groups[place])
        others = is_other.nonzero()[:, 0]
        others = others[:: max(1, math.ceil(len(others) / MOST_COMPARED))]
        directions = self.data.likeness.directions
        cosines = directions(others.numpy()) @ directions(numpy.array([place]))[0]
        found: list[int] = others[cosines.topk(min(SIMILAR, len(others))).indices].tolist()
        return found

    def _set(self, each: DuplicateSet) -> SetView:
        # What stays is shown first.
        proposed = self.proposals.quarantine
        places = sorted(each.places, key=lambda place: place in proposed)[:SHOWN_IN_SET]
        return SetView(
            each,
            [
                (
                    tile,
                    self.data.images[place].label,
                    PART_NAMES[self.data.parts[place]],
                    self._proposed(place),
                )
                for tile, place in zip(self._tiles(places), places, strict=True)
            ],
        )

    def _proposed(self, place: int) -> str:
        reason = self.proposals.quarantine.get(place)
        if reason is None:
            return "stays"
        return "could go" if reason.startswith("duplicate") else f"could go: {reason}"

    def _kinds(self) -> list[KindView]:
        """Return images unlike every class, the farthest first, then each of `quality.KINDS`."""
        outliers = self.findings.outliers
        unlike = outliers.is_issue.nonzero()[:, 0]
        places = {UNLIKE: unlike[outliers.score[unlike].argsort(stable=True)].tolist()}
        places |= {kind: self.findings.quality[kind].nonzero()[0].tolist() for kind in KINDS}
        return [self._kind(name, found) for name, found in places.items()]

    def _kind(self, name: str, places: Sequence[int]) -> KindView:
        shown = places[:MOST_IMAGES]
        labels = [self.data.images[place].label for place in shown]
        images = list(zip(self._tiles(shown), labels, strict=True))
        return KindView(name, NOTES[name], name in LISTED_KINDS, len(places), images)

    def _classes(self) -> list[ClassView]:
        states = self.findings.classes.classes
        floor = min((min(state.curve) for state in states if state.curve), default=0.0)
        return [_class_view(state, floor) for state in states]


def _class_view(state: ClassState, floor: float) -> ClassView:
    points = [percent(share) for share in state.curve]
    if not points:
        return ClassView(state, points, Markup())
    summary = f"{state.label}: {', '.join(points)}"
    return ClassView(state, points, sparkline(state.curve, floor=floor, summary=summary))

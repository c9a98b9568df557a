"""The page of an audit: `audit.html`, which needs nothing else."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from markupsafe import Markup

from torch_inception.audit.audited_data import Audited, AuditedData
from torch_inception.audit.classes import ClassState
from torch_inception.audit.duplicates import DuplicateSet
from torch_inception.audit.findings import Findings
from torch_inception.audit.labels import MOST_SELF_CONFIDENCE
from torch_inception.audit.quality import KINDS
from torch_inception.audit.tables import (
    AUDIT_FILE,
    KEPT_FILE,
    QUARANTINE_FILE,
    RELABEL_FILE,
    kept_of,
    mislabelled,
    to_quarantine,
    to_relabel,
)
from torch_inception.features.cache.thumbnails import Thumbnails
from torch_inception.heads.learning_curve import summed
from torch_inception.heads.metrics import percent
from torch_inception.report import figures
from torch_inception.report.charts import sparkline
from torch_inception.report.gallery import Gallery, Tile
from torch_inception.report.page import render
from torch_inception.system.cache_folder import cache_folder
from torch_inception.system.escape import counted, listed
from torch_inception.training.dataset import CLASSES_SHOWN
from torch_inception.training.examples import relative_name
from torch_inception.training.parts import Part

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


class LabelView(NamedTuple):
    """An image that looks mislabelled, and images of the class that it looks like."""

    tile: Tile
    label: str
    predicted: str
    score: str
    similar: Sequence[Tile]


class SetView(NamedTuple):
    """A set of duplicates: (tile, label, part, whether it stays) of some of its images."""

    found: DuplicateSet
    images: Sequence[tuple[Tile, str, str, bool]]


class KindView(NamedTuple):
    """Images of a kind of finding: what it is called, how many there are, and some of them."""

    name: str
    total: int
    images: Sequence[tuple[Tile, str]]


class ClassView(NamedTuple):
    """A class: its state, its learning curve in percent and drawn."""

    state: ClassState
    points: Sequence[str]
    chart: Markup


def audit_page(found: Audited, data: AuditedData, findings: Findings, *, thumbnails: bool) -> str:
    """Return the page of an audit.

    Args:
        found: what was audited.
        data: its images.
        findings: what was found of them.
        thumbnails: whether images are shown.
    """
    gallery = Gallery(Thumbnails(cache_folder()) if thumbnails else None, data.preprocessing)
    content = _content(found, data, findings, gallery)
    return render(AUDIT_PAGE, content, gallery, room="audit")


def _content(
    found: Audited, data: AuditedData, findings: Findings, gallery: Gallery
) -> dict[str, Any]:
    """Return what the template is given. What comes first is sure to have its thumbnails."""
    sets = findings.duplicates.sets
    kinds = _kind_views(data, findings, gallery)
    points = findings.classes.points
    return {
        "kind": "audit",
        "title": (found.run or Path(found.config.labels or found.config.data)).resolve().name,
        "images": len(data),
        "labels": _label_views(data, findings, gallery),
        "most_of_mislabelled": f"{MOST_SELF_CONFIDENCE:.0%}",
        "label_count": len(mislabelled(findings)),
        "sets": [_set_view(each, data, findings, gallery) for each in sets[:MOST_SETS]],
        "set_count": len(sets),
        "across_classes": sum(len(each.labels) > 1 for each in sets),
        "across_split": sum(each.is_split for each in sets),
        "outliers": kinds[0],
        "quality": [view for view in kinds[1:] if view.total],
        "classes": [_class_view(state, findings) for state in findings.classes.classes],
        "shares": [f"{point.images:,}" for point in points],
        "learning": figures.learning(summed(points)),
        "skipped": [
            (relative_name(each.path, data.folder), each.reason)
            for each in data.result.skipped[:MOST_FILES]
        ],
        "skipped_count": len(data.result.skipped),
        "relabelled": len(to_relabel(data, findings)),
        "quarantined": len(to_quarantine(data, findings)),
        "commands": commands(found),
        "tables": {
            "audit": AUDIT_FILE,
            "quarantine": QUARANTINE_FILE,
            "relabel": RELABEL_FILE,
            "kept": KEPT_FILE,
        },
        "shows_images": gallery.is_open,
    }


def commands(found: Audited) -> Mapping[str, str]:
    """Return what is typed to do what the lists say."""
    config = found.config
    start = ["torch-inception", "audit"]
    start += filter(None, [str(found.run or config.data)])
    flags = {
        "--labels": config.labels,
        "--path-column": config.path_column,
        "--label-column": config.label_column,
    }
    if found.run is None:
        start += [part for flag, value in flags.items() if value for part in (flag, value)]
    if found.is_elsewhere:
        start += ["--output", str(found.output)]
    return {
        "relabel": shlex.join([*start, "--relabel", str(found.output / RELABEL_FILE)]),
        "quarantine": shlex.join([*start, "--quarantine", "quarantine"]),
    }


def _label_views(data: AuditedData, findings: Findings, gallery: Gallery) -> list[LabelView]:
    places = mislabelled(findings)[:MOST_LABELS]
    tiles = gallery.tiles(data, [data.images[place].path for place in places])
    similar = _similar(data, findings, places)
    return [
        LabelView(
            tile,
            data.images[place].label,
            data.labels[int(findings.labels.predicted[place])],
            percent(float(findings.labels.score[place])),
            gallery.tiles(data, [data.images[other].path for other in others]),
        )
        for tile, place, others in zip(tiles, places, similar, strict=True)
    ]


def _similar(data: AuditedData, findings: Findings, places: Sequence[int]) -> list[list[int]]:
    """Return, for each image, those most like it of the class that it is taken for.

    Images that look mislabelled, as it does, are not among them.
    """
    targets, labels = data.targets, findings.labels
    sure = ~labels.is_issue
    found = []
    for place in places:
        is_other = (targets == labels.predicted[place]) & sure
        others = torch.where(is_other)[0]
        others = others[:: -(-len(others) // MOST_COMPARED)] if len(others) else others
        own = data.likeness.directions(torch.tensor([place]).numpy())
        cosines = data.likeness.directions(others.numpy()) @ own[0]
        found.append(others[cosines.topk(min(SIMILAR, len(others))).indices].tolist())
    return found


def _set_view(
    each: DuplicateSet, data: AuditedData, findings: Findings, gallery: Gallery
) -> SetView:
    stays = kept_of(data, findings, each)
    # The one that stays is shown first.
    places = sorted(each.places, key=lambda place: place != stays)[:SHOWN_IN_SET]
    tiles = gallery.tiles(data, [data.images[place].path for place in places])
    return SetView(
        each,
        [
            (tile, data.images[place].label, PART_NAMES[data.parts[place]], place == stays)
            for tile, place in zip(tiles, places, strict=True)
        ],
    )


def _kind_views(data: AuditedData, findings: Findings, gallery: Gallery) -> list[KindView]:
    """Return outliers, the farthest first, then each kind of `quality.KINDS`."""
    outliers = torch.where(findings.outliers.is_issue)[0]
    order = findings.outliers.score[outliers].argsort(stable=True)
    places = {"unlike": outliers[order].tolist()}
    places |= {kind: findings.quality[kind].nonzero()[0].tolist() for kind in KINDS}
    views = []
    for kind, found in places.items():
        images = [data.images[place] for place in found[:MOST_IMAGES]]
        tiles = gallery.tiles(data, [image.path for image in images])
        labels = [image.label for image in images]
        views.append(KindView(kind, len(found), list(zip(tiles, labels, strict=True))))
    return views


def _class_view(state: ClassState, findings: Findings) -> ClassView:
    floor = min((min(each.curve) for each in findings.classes.classes if each.curve), default=0.0)
    title = f"{state.label}: " + ", ".join(map(percent, state.curve))
    return ClassView(
        state,
        [percent(share) for share in state.curve],
        sparkline(state.curve, floor=floor, summary=title) if state.curve else Markup(),
    )


def in_words(findings: Findings) -> list[str]:
    """Return what was found, a line for each kind; none where nothing was."""
    sets = findings.duplicates.sets
    torn = [
        f"{count:,} across {what}"
        for what, count in (
            ("classes", sum(len(each.labels) > 1 for each in sets)),
            ("the split", sum(each.is_split for each in sets)),
        )
        if count
    ]
    mislabelled = int(findings.labels.is_issue.sum())
    counts = {
        f"that {'looks' if mislabelled == 1 else 'look'} mislabelled": mislabelled,
        "unlike every class": int(findings.outliers.is_issue.sum()),
        **{kind: int(findings.quality[kind].sum()) for kind in KINDS},
    }
    lines = [f"{counted(count, 'image')} {what}" for what, count in counts.items() if count]
    if sets:
        told = f"{counted(len(sets), 'set')} of duplicates"
        lines.insert(0, told + (f" ({', '.join(torn)})" if torn else ""))
    noted = [state for state in findings.classes.classes if state.notes]
    if noted:
        names = listed([repr(state.label) for state in noted], CLASSES_SHOWN)
        what = "class" if len(noted) == 1 else "classes"
        lines.append(f"{len(noted):,} {what} with few images: {names}")
    return lines

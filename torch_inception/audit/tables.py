"""The tables of an audit: everything, and what could be done, to be edited by hand."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy

from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.duplicates import DuplicateSet
from torch_inception.audit.findings import Findings
from torch_inception.audit.quality import KINDS, Flags
from torch_inception.errors import ConfigError
from torch_inception.system.escape import brief
from torch_inception.system.write import exact, write_csv

AUDIT_FILE, QUARANTINE_FILE, RELABEL_FILE = "audit.csv", "quarantine.csv", "relabel.csv"

KEPT_FILE = "kept.csv"
"""Lines of these lists that a person has moved here: these images are right as they are."""

HEADER = (
    "path", "given_label", "predicted_label", "is_label_issue", "label_score",
    "is_near_duplicate_issue", "near_duplicate_score", "near_duplicate_sets",
    "is_outlier_issue", "outlier_score", *(f"is_{kind}_issue" for kind in KINDS),
    "width", "height", "brightness", "contrast", "sharpness", "split",
)  # fmt: skip
"""Columns of audit.csv; those that cleanlab has, too, are named as there."""


class ListedForQuarantine(NamedTuple):
    """A line of quarantine.csv: an image that could go, why, and the SHA-256 of its content."""

    path: str
    given_label: str
    reason: str
    sha256: str


class ListedForRelabel(NamedTuple):
    """A line of relabel.csv: an image, its label, a better one, the score of its own, SHA-256."""

    path: str
    given_label: str
    new_label: str
    label_score: str
    sha256: str


def write_tables(folder: Path, data: AuditedData, findings: Findings) -> None:
    """Write audit.csv, quarantine.csv and relabel.csv into a folder."""
    write_csv(folder / AUDIT_FILE, HEADER, _audit_rows(data, findings))
    quarantined, relabelled = to_quarantine(data, findings), to_relabel(data, findings)
    write_csv(folder / QUARANTINE_FILE, ListedForQuarantine._fields, quarantined)
    write_csv(folder / RELABEL_FILE, ListedForRelabel._fields, relabelled)


def read_kept(folder: Path, data: AuditedData) -> Flags:
    """Tell which images (N,) kept.csv of a folder lists, with their labels; none where it is not.

    Raises:
        ConfigError: it cannot be read.
    """
    if not (folder / KEPT_FILE).exists():
        return numpy.zeros(len(data), bool)
    kept = {
        (row["path"], row["given_label"]): (row.get("sha256") or "").lower()
        for row in read_list(folder / KEPT_FILE, ListedForQuarantine._fields[:2])
    }
    return numpy.array(
        [kept.get((image.path, image.label)) in ("", image.digest.hex()) for image in data.images]
    )


def _audit_rows(data: AuditedData, findings: Findings) -> Iterator[Sequence[object]]:
    labels, outliers, duplicates = findings.labels, findings.outliers, findings.duplicates
    sets = _members(duplicates.sets)
    for place, image in enumerate(data.images):
        facts = data.result.facts[place]
        others = [other for other in sets.get(place, ()) if other != place]
        is_judged = not labels.score[place].isnan()
        yield (
            image.path,
            image.label,
            data.labels[int(labels.predicted[place])],
            _flag(labels.is_issue[place]),
            f"{labels.score[place]:.6g}" if is_judged else "",
            _flag(others),
            f"{duplicates.score[place]:.6g}",
            json.dumps(others),
            _flag(outliers.is_issue[place]),
            f"{outliers.score[place]:.6g}",
            *(_flag(findings.quality[kind][place]) for kind in KINDS),
            facts["width"],
            facts["height"],
            *(f"{facts[name]:.1f}" for name in ("brightness", "contrast", "sharpness")),
            data.parts[place] or "",
        )


def _flag(value: object) -> str:
    return "True" if value else "False"  # as pandas writes and reads them


def _members(sets: Sequence[DuplicateSet]) -> dict[int, Sequence[int]]:
    return {place: each.places for each in sets for place in each.places}


def to_quarantine(data: AuditedData, findings: Findings) -> list[ListedForQuarantine]:
    """Return the images that could go: blank ones, duplicates but for one of each set, outliers.

    Of a set of duplicates the largest image stays; of one across classes, that with the surest
    label.
    """
    reasons: dict[int, str] = {}
    for place in findings.quality["blank"].nonzero()[0].tolist():
        reasons[place] = "blank"
    for each in findings.duplicates.sets:
        stays = kept_of(data, findings, each)
        for place in each.places:
            if place != stays:
                reasons.setdefault(place, f"duplicate of {data.images[stays].path}")
    for place in findings.outliers.is_issue.nonzero()[:, 0].tolist():
        reasons.setdefault(place, "unlike every class")
    return [
        ListedForQuarantine(image.path, image.label, reasons[place], image.digest.hex())
        for place in sorted(reasons)
        for image in [data.images[place]]
    ]


def kept_of(data: AuditedData, findings: Findings, each: DuplicateSet) -> int:
    """Return the place of the image of a set that stays."""
    facts = data.result.facts
    is_torn = len(each.labels) > 1

    def worth(place: int) -> tuple[float, int, int]:
        score = float(findings.labels.score[place].nan_to_num(nan=0.0)) if is_torn else 0.0
        return score, int(facts["width"][place]) * int(facts["height"][place]), -place

    return max(each.places, key=worth)


def to_relabel(data: AuditedData, findings: Findings) -> list[ListedForRelabel]:
    """Return the images that look mislabelled and are to stay, the surest mistakes first."""
    labels = findings.labels
    gone = {row.path for row in to_quarantine(data, findings)}
    return [
        ListedForRelabel(
            data.images[place].path,
            data.images[place].label,
            data.labels[int(labels.predicted[place])],
            f"{labels.score[place]:.6g}",
            data.images[place].digest.hex(),
        )
        for place in mislabelled(findings)
        if data.images[place].path not in gone
    ]


def mislabelled(findings: Findings) -> list[int]:
    """Return the places of images that look mislabelled, the surest mistakes first."""
    places = findings.labels.is_issue.nonzero()[:, 0]
    order = findings.labels.score[places].argsort(stable=True)
    found: list[int] = places[order].tolist()
    return found


def read_list(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a list that a person may have edited, in order; lines may be empty.

    Args:
        file: the table; with commas, semicolons or tabs, as spreadsheets save them.
        columns: that it has to have.

    Raises:
        ConfigError: it cannot be read, or has not these columns.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            delimiter = max(",;\t", key=first.count)
            lines.seek(0)
            rows = list(csv.DictReader(map(exact, lines), delimiter=delimiter, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{file} cannot be read ({brief(reason)}). Name a list of an audit."
        ) from error
    for row in rows:
        if any(row.get(name) is None for name in columns):
            raise ConfigError(
                f"{file} needs the columns {', '.join(columns)} in every line, as the audit wrote "
                "them. Mend it, or audit again."
            )
    return [row for row in rows if any(row[name] for name in columns)]

"""The tables of an audit: everything, and what could be done, to be edited by hand."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy

from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.findings import Findings
from torch_inception.audit.proposals import Proposals
from torch_inception.audit.quality import KINDS
from torch_inception.errors import ConfigError
from torch_inception.features.near_copies import Flags
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


QUARANTINE_NEEDS = ("path", "given_label")
RELABEL_NEEDS = (*QUARANTINE_NEEDS, "new_label")
"""Columns that lists need; a person who adds a line may leave out the others."""


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


def write_tables(folder: Path, data: AuditedData, findings: Findings, proposals: Proposals) -> None:
    """Write audit.csv, quarantine.csv and relabel.csv into a folder."""
    write_csv(folder / AUDIT_FILE, HEADER, _audit_rows(data, findings))
    quarantined = _to_quarantine(data, proposals)
    write_csv(folder / QUARANTINE_FILE, ListedForQuarantine._fields, quarantined)
    relabelled = _to_relabel(data, findings, proposals)
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
        for row in read_list(folder / KEPT_FILE, QUARANTINE_NEEDS)
    }
    return numpy.array(
        [kept.get((image.path, image.label)) in ("", image.digest.hex()) for image in data.images]
    )


def _audit_rows(data: AuditedData, findings: Findings) -> Iterator[Sequence[object]]:
    labels, outliers, duplicates = findings.labels, findings.outliers, findings.duplicates
    sets = {place: each.places for each in duplicates.sets for place in each.places}
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


def _to_quarantine(data: AuditedData, proposals: Proposals) -> Iterator[ListedForQuarantine]:
    for place, reason in proposals.quarantine.items():
        image = data.images[place]
        yield ListedForQuarantine(image.path, image.label, reason, image.digest.hex())


def _to_relabel(
    data: AuditedData, findings: Findings, proposals: Proposals
) -> Iterator[ListedForRelabel]:
    labels = findings.labels
    for place in proposals.relabel:
        image, better = data.images[place], data.labels[int(labels.predicted[place])]
        score = f"{labels.score[place]:.6g}"
        yield ListedForRelabel(image.path, image.label, better, score, image.digest.hex())


def read_list(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a list that a person may have edited, in order; lines may be empty.

    `training.label_table` reads such tables, too, without the spaces that cells begin with; names
    of files may begin with them.

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

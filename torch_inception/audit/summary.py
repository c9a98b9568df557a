"""What an audit says on the screen of what it has found."""

from torch_inception.audit.findings import Findings
from torch_inception.audit.quality import KINDS
from torch_inception.datasets.dataset import CLASSES_SHOWN
from torch_inception.system.escape import counted, listed


def summary_lines(findings: Findings) -> list[str]:
    """Return what was found, a line for each kind; none where nothing was."""
    mislabelled, unlike = (
        int(found.is_issue.sum()) for found in (findings.labels, findings.outliers)
    )
    lines = _duplicates(findings)
    if mislabelled:
        look = "looks" if mislabelled == 1 else "look"
        lines.append(f"{counted(mislabelled, 'image')} that {look} mislabelled")
    if unlike:
        lines.append(f"{counted(unlike, 'image')} unlike every class")
    for kind in KINDS:
        count = int(findings.quality[kind].sum())
        if count:
            lines.append(counted(count, f"{kind} image"))
    return lines + _small_classes(findings)


def _duplicates(findings: Findings) -> list[str]:
    sets = findings.duplicates.sets
    if not sets:
        return []
    across = {
        "classes": sum(len(each.labels) > 1 for each in sets),
        "the split": sum(each.is_split for each in sets),
    }
    told = ", ".join(f"{count:,} across {what}" for what, count in across.items() if count)
    return [f"{counted(len(sets), 'set')} of duplicates{f' ({told})' if told else ''}"]


def _small_classes(findings: Findings) -> list[str]:
    small = [repr(state.label) for state in findings.classes.classes if state.notes]
    if not small:
        return []
    what = "class" if len(small) == 1 else "classes"
    return [f"{len(small):,} {what} with few images: {listed(small, CLASSES_SHOWN)}"]

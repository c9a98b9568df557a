"""Find what is wrong in a training set: labels, duplicates, odd images, small classes."""

import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import FAILURE, SUCCESS, run_command
from torch_inception.commands.screen import print_error
from torch_inception.config import AuditConfig
from torch_inception.system.escape import counted, printable
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.engines.protocol import Engine


def main(argv: Sequence[str] | None = None, *, engine: "Engine | None" = None) -> int:
    """Run the command; return its exit status.

    Args:
        argv: arguments; those of the process by default.
        engine: what runs the network; made of the weights by default.
    """
    parser = Parser("audit", description=__doc__, operands="DATA|RUN", settings=AuditConfig)
    parser.add_data(
        "DATA|RUN",
        help="folder with one folder of images per class, or a run folder (not needed with "
        "--labels or --restore)",
    )
    arguments = parser.parse(argv)
    config = parser.config(arguments, AuditConfig)

    def audit() -> int:
        check_torch_pair()
        # Imported here, so that --help does not wait for torch.
        from torch_inception.audit.run_audit import run_audit
        from torch_inception.images.pillow_settings import silent_libtiff

        with silent_libtiff():
            run_audit(config, engine=engine, progress=sys.stderr.isatty() and not arguments.quiet)
        return SUCCESS

    body: Callable[[], int] = audit
    if config.restore:
        body = partial(_restore, Path(config.restore))
    elif config.quarantine or config.relabel:
        body = partial(_change, config)
    return run_command(
        body,
        log_to=sys.stdout,
        quiet=arguments.quiet,
        when_stopped="stopped. Run the same command again: it goes on where it stopped.",
    )


def _restore(folder: Path) -> int:
    """Undo what was done by lists of an audit."""
    check_torch_pair()
    from torch_inception.audit.restore import restore

    found = restore(folder)
    for problem in found.problems:
        print_error(printable(problem))
    counts = {
        f"{counted(found.moves, 'image')} put back": found.moves,
        f"{counted(found.edits, 'edit')} of the table undone": found.edits,
        f"{counted(len(found.problems), 'step')} not undone": len(found.problems),
    }
    parts = [each for each, count in counts.items() if count]
    sys.stdout.write(f"{', '.join(parts) or 'Nothing was to be undone'}.\n")
    return FAILURE if found.problems else SUCCESS


def _change(config: AuditConfig) -> int:
    """Do what one of the lists of an audit says."""
    check_torch_pair()
    from torch_inception.audit.changes import quarantine, relabel
    from torch_inception.audit.subject import audit_subject

    subject = audit_subject(config)
    if config.relabel:
        changed, where = relabel(subject, Path(config.relabel)), subject.output
        told = f"{counted(changed.images, 'image')} relabelled"
    else:
        changed, where = quarantine(subject, Path(config.quarantine)), Path(config.quarantine)
        told = f"{counted(changed.images, 'image')} moved to {printable(str(where))}"
    for problem in changed.problems:
        print_error(f"{printable(problem)}.")
    if not changed.images and not changed.problems:
        told += ": nothing in the list is left to do"
    sys.stdout.write(f"{told}.\n")
    if changed.images:
        undo = shlex.join(["torch-inception", "audit", "--restore", str(where)])
        sys.stdout.write(f"To undo it: {printable(undo)}\n")
    return FAILURE if changed.problems else SUCCESS

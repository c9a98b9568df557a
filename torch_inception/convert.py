"""Turn weights from any source into a .pth file of torchvision's names, or tell what they are."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from torch_inception.command_line import SUCCESS, run_command
from torch_inception.errors import ConfigError
from torch_inception.interruption import leave
from torch_inception.text import printable

ENDINGS = (".pth", ".pt")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m torch_inception.convert", description=__doc__)
    parser.add_argument("source", metavar="SOURCE", help="what --weights of the training takes")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--output", metavar="FILE.pth", help="write the weights and their record")
    task.add_argument("--show", action="store_true", help="print what the weights are")
    arguments = parser.parse_args(argv)
    return run_command(
        lambda: (
            _show(arguments.source)
            if arguments.show
            else _convert(arguments.source, arguments.output)
        ),
        log_to=sys.stderr,
        when_stopped="stopped. Nothing was written.",
    )


def _show(source: str) -> int:
    # Imported here, so that --help does not wait for torch.
    from torch_inception.weights import describe, load_weights

    for name, value in describe(load_weights(source)):
        sys.stdout.write(f"{name}: {printable(value)}\n")
    return SUCCESS


def _convert(source: str, output: str) -> int:
    # Imported here, so that --help does not wait for torch.
    from torch_inception.weights import load_weights, state_file

    if not output.endswith(ENDINGS):
        raise ConfigError(
            f"--output {output!r} does not end in {' or '.join(ENDINGS)}, and --weights knows "
            "such files by it."
        )
    state_file.save(load_weights(source), Path(output))
    sys.stdout.write(f"{printable(output)} is written. Use it: --weights {printable(output)}\n")
    return SUCCESS


if __name__ == "__main__":
    leave(main())

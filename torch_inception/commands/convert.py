"""Write weights as torchvision's state dict, move a model of retrain.py over, or show weights."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import expand_home
from torch_inception.errors import ConfigError
from torch_inception.system.escape import printable
from torch_inception.system.torch_pair import check_torch_pair

ENDINGS = (".pth", ".pt")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser("convert", description=__doc__, operands="SOURCE [LABELS]")
    parser.add_argument(
        "source", metavar="SOURCE",
        help="imagenet, npm:nsfwjs, hf:OWNER/NAME, or a file or folder: .pth, .pt, .bin, "
        ".safetensors, .h5, .keras, a TensorFlow.js model.json, .tgz, or a frozen graph .pb",
    )  # fmt: skip
    parser.add_argument(
        "labels", metavar="LABELS", nargs="?",
        help="retrained_labels.txt, where SOURCE is the retrained_graph.pb that retrain.py left "
        "with it: then a whole model is written, for predict --model",
    )  # fmt: skip
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument(
        "--output", metavar="PATH",
        help="FILE.pth for the weights and their record; with LABELS, a folder for a model",
    )  # fmt: skip
    task.add_argument("--show", action="store_true", help="print what the weights are")
    arguments = parser.parse(argv)
    if arguments.show and arguments.labels is not None:
        parser.error("LABELS goes with --output")
    if arguments.output == "":
        parser.error("--output is given and empty")
    return run_command(
        lambda: _run(arguments),
        log_to=sys.stderr,
        quiet=arguments.quiet,
        when_stopped="stopped. Nothing was written.",
    )


def _run(arguments: argparse.Namespace) -> int:
    check_torch_pair()
    source = expand_home("SOURCE", arguments.source)
    if arguments.show:
        return _show(source)
    output = expand_home("output", arguments.output)
    if arguments.labels is None:
        return _convert(source, output)
    return _move_over(Path(source), Path(expand_home("LABELS", arguments.labels)), output)


def _show(source: str) -> int:
    # Imported here, so that --help does not wait for torch.
    from torch_inception.weights.checked import describe
    from torch_inception.weights.load import load_weights

    for name, value in describe(load_weights(source)):
        sys.stdout.write(f"{name}: {printable(value)}\n")
    return SUCCESS


def _convert(source: str, output: str) -> int:
    # Imported here, so that --help does not wait for torch.
    from torch_inception.weights.formats import state_file
    from torch_inception.weights.load import load_weights

    if not output.endswith(ENDINGS):
        raise ConfigError(
            f"--output {output!r} does not end in {' or '.join(ENDINGS)}, and --weights knows "
            "such files by it. (A folder is made of a graph that retrain.py left and its LABELS.)"
        )
    state_file.save(load_weights(source), Path(output))
    _tell(output, "--weights")
    return SUCCESS


def _move_over(graph: Path, labels: Path, output: str) -> int:
    # Imported here, so that --help does not wait for torch.
    from torch_inception.training.retrained import convert_retrained

    if graph.suffix.lower() != ".pb":
        raise ConfigError(
            f"LABELS goes with the retrained_graph.pb that retrain.py left with it, before it; "
            f"{str(graph)!r} is no .pb file."
        )
    convert_retrained(graph, labels, Path(output))
    _tell(output, "--model")
    return SUCCESS


def _tell(output: str, flag: str) -> None:
    shown = printable(output)
    sys.stdout.write(f"{shown} is written. Use it: {flag} {shlex.quote(shown)}\n")

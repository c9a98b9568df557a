"""Tell what a trained model is: when and by what it was trained, how good it is, what it needs."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import expand_home
from torch_inception.system.escape import counted, listed, printable
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.classifier.model_file import Model
    from torch_inception.classifier.training_record import TrainingRecord

CLASSES_SHOWN = 20
"""Names of classes at most; all are in labels.txt."""

Line = tuple[str, str]
"""What it is about, and what is said."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser("show", description=__doc__, operands="RUN")
    parser.add_argument("run", metavar="RUN", help="a run folder, or a model.pt")
    arguments = parser.parse(argv)

    def show() -> int:
        check_torch_pair()
        # Imported here, so that --help does not wait for torch.
        from torch_inception.classifier.model_file import load_model

        model = load_model(Path(expand_home("run", arguments.run)))
        lines = model_lines(model)
        width = max(len(about) for about, _ in lines)
        for about, said in lines:
            sys.stdout.write(f"{about:<{width}}  {printable(said)}\n")
        return SUCCESS

    return run_command(show, log_to=sys.stderr, quiet=arguments.quiet)


def model_lines(model: "Model") -> list[Line]:
    """Return what is told of a model."""
    return [
        *(_training_lines(model.training) if model.training else []),
        ("classes", _classes(model.labels)),
        ("layers", "the last" if model.head.layers == "last" else "three"),
        ("weights", f"{model.record.source} {model.record.version}"),
        ("network", "in the model" if model.network else "made of these weights"),
        ("arithmetic", model.arithmetic),
        ("preprocessing", _settings(model)),
    ]


def _training_lines(training: "TrainingRecord") -> list[Line]:
    from torch_inception.classifier.training_record import in_words
    from torch_inception.heads.metrics import accuracy_in_words

    test, held_out = (
        accuracy_in_words(right, count)
        for right, count in (
            (training.test_right, training.tested),
            (training.held_out_right, training.held_out),
        )
    )
    return [
        (
            "trained",
            f"{in_words(training.created)}, by torch_inception {training.version}, on "
            f"{counted(training.images, 'image')}",
        ),
        ("test accuracy", test),
        (f"{training.judged_by} accuracy", held_out),
    ]


def _classes(labels: Sequence[str]) -> str:
    return f"{len(labels)}: {listed(labels, CLASSES_SHOWN)}"


def _settings(model: "Model") -> str:
    """Return how images are preprocessed; what is not set is left out."""
    settings = dataclasses.asdict(model.preprocessing)
    return ", ".join(
        f"{name} = {_number_range(value) if isinstance(value, tuple) else value}"
        for name, value in settings.items()
        if value not in ("", None)
    )


def _number_range(values: tuple[float, ...]) -> str:
    return " to ".join(f"{value:g}" for value in values)

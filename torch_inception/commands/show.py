"""Tell what a trained model is: when and by what it was trained, how good it is, what it needs."""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch_inception.commands.flags import Parser
from torch_inception.commands.run import SUCCESS, run_command
from torch_inception.config import expand_home
from torch_inception.system.escape import counted, listed, printable
from torch_inception.system.torch_pair import check_torch_pair

if TYPE_CHECKING:
    from torch_inception.answers.training_record import TrainingRecord
    from torch_inception.classifier.model_file import Model
    from torch_inception.images.preprocess import Preprocessing

CLASSES_SHOWN = 20
"""Names of classes at most; all are in labels.txt."""

Line = tuple[str, str]
"""What it is about, and what is said."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = Parser("show", description=__doc__, operands="RUN")
    parser.add_argument("run", metavar="RUN", help="a run folder, a model.pt, or a model.onnx")
    arguments = parser.parse(argv)

    def show() -> int:
        # Imported here, so that --help does not wait for numpy.
        from torch_inception.exported.description import is_exported

        path = Path(expand_home("run", arguments.run))
        lines = exported_lines(path) if is_exported(path) else model_lines(_load_model(path))
        width = max(len(about) for about, _ in lines)
        for about, said in lines:
            sys.stdout.write(f"{about:<{width}}  {printable(said)}\n")
        return SUCCESS

    return run_command(show, log_to=sys.stderr, quiet=arguments.quiet)


def _load_model(path: Path) -> "Model":
    check_torch_pair()
    # Imported here, so that --help does not wait for torch.
    from torch_inception.classifier.model_file import load_model

    return load_model(path)


def exported_lines(path: Path) -> list[Line]:
    """Return what is told of a file of `export`."""
    from torch_inception.exported.session import read_exported

    description, _ = read_exported(path)
    return [
        *_training_lines(description.training, _measure(independent=description.independent)),
        ("classes", _classes(description.labels)),
        *([("thresholds", _thresholds(description.thresholds))] if description.thresholds else []),
        ("weights", description.weights),
        ("network", "in the file, for ONNX Runtime"),
        ("preprocessing", _settings(description.preprocessing)),
    ]


def model_lines(model: "Model") -> list[Line]:
    """Return what is told of a model."""
    return [
        *_training_lines(model.training, _measure(independent=_is_independent(model))),
        ("classes", _classes(model.labels)),
        *([("thresholds", _thresholds(model.thresholds))] if model.thresholds else []),
        ("layers", "the last" if model.head.layers == "last" else "three"),
        ("weights", f"{model.record.source} {model.record.version}"),
        ("network", "in the model" if model.network else "made of these weights"),
        ("arithmetic", model.arithmetic),
        ("preprocessing", _settings(model.preprocessing)),
    ]


def _is_independent(model: "Model") -> bool:
    from torch_inception.heads.head import IndependentHead

    return isinstance(model.head, IndependentHead)


def _measure(*, independent: bool) -> str:
    """Return what is called right of an image."""
    return "all labels right" if independent else "accuracy"


def _training_lines(training: "TrainingRecord | None", measure: str) -> list[Line]:
    if training is None:
        return []
    from torch_inception.answers.shares import accuracy_in_words
    from torch_inception.answers.training_record import SEVERAL_FIGURES, in_words

    test, held_out = (
        accuracy_in_words(right, count)
        for right, count in (
            (training.test_right, training.tested),
            (training.held_out_right, training.held_out),
        )
    )
    lines = [
        (
            "trained",
            f"{in_words(training.created)}, by torch_inception {training.version}, on "
            f"{counted(training.images, 'image')}",
        ),
        (f"test {measure}", test),
        (f"{training.judged_by} {measure}", held_out),
    ]
    of_part = {"test": training.test_figures, training.judged_by: training.held_out_figures}
    for part, figures in of_part.items():
        told = [
            f"{words} {figures[name]:.4f}"
            for name, words in SEVERAL_FIGURES.items()
            if name in figures
        ]
        lines += [(f"{part} figures", ", ".join(told))] if told else []
    return lines


def _classes(labels: Sequence[str]) -> str:
    return f"{len(labels)}: {listed(labels, CLASSES_SHOWN)}"


def _thresholds(thresholds: Mapping[str, float]) -> str:
    shown = [f"{label} {threshold:g}" for label, threshold in thresholds.items()]
    return listed(shown, CLASSES_SHOWN)


def _settings(preprocessing: "Preprocessing") -> str:
    """Return how images are preprocessed; what is not set is left out."""
    settings = dataclasses.asdict(preprocessing)
    return ", ".join(
        f"{name} = {_number_range(value) if isinstance(value, tuple) else value}"
        for name, value in settings.items()
        if value not in ("", None)
    )


def _number_range(values: tuple[float, ...]) -> str:
    return " to ".join(f"{value:g}" for value in values)

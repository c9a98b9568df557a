"""`--tensorboard`: what TensorBoard reads in the files is what the run has come to."""

import io
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand, metrics_of, table
from torch_inception.classifier.classifier import Classifier
from torch_inception.images.overlay import AGAINST
from torch_inception.network import LAYERS
from torch_inception.tensorboard.board import BOARD_FILES
from torch_inception.tensorboard.events import EventFile
from torch_inception.training.train_classifier import train_classifier

tensorboard = pytest.importorskip("tensorboard")

Events = Any
"""TensorBoard's `EventAccumulator`, which has no types."""

Read = Callable[[str], Events]

STRENGTHS = [0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]


@pytest.fixture
def read(run: Path) -> Read:
    """Give a function that reads the events of `train`, `held_out`, `test` or `images`."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def call(name: str) -> Events:
        events = EventAccumulator(str(run / "tensorboard" / name), size_guidance={"histograms": 0})
        return events.Reload()

    return call


def scalars(events: Events, tag: str) -> dict[int, float]:
    return {each.step: each.value for each in events.Scalars(tag)}


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def column(rows: list[dict[str, str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def test_the_curves_are_those_of_the_history(train: TrainCommand, run: Path, read: Read) -> None:
    status, out, _ = train("--tensorboard")
    assert status == 0
    assert f"  tensorboard --logdir {run / 'tensorboard'}" in out.splitlines()
    history = table(run / "history.csv")
    assert [row["setting"] for row in history] == [f"strength {each:g}" for each in STRENGTHS]
    for name in ("train", "held_out"):
        events = read(name)
        for measure in ("accuracy", "cross_entropy"):
            found = scalars(events, measure)
            assert list(found) == list(range(1, 10))
            assert list(found.values()) == pytest.approx(column(history, f"{name}_{measure}"))
    strengths = list(scalars(read("train"), "head/strength").values())
    assert strengths == pytest.approx(STRENGTHS)


def test_the_test_is_a_point_at_the_chosen_step(train: TrainCommand, run: Path, read: Read) -> None:
    train("--tensorboard")
    metrics, events = metrics_of(run), read("test")
    step = 1 + STRENGTHS.index(float(metrics["head"]["setting"].removeprefix("strength ")))
    for measure in ("accuracy", "cross_entropy"):
        assert scalars(events, measure) == {step: pytest.approx(metrics["test"][measure])}
    (text,) = read("train").Tensors("settings/text_summary")
    said = text.tensor_proto.string_val[0].decode()
    assert f"| {step} | {metrics['head']['setting']} | chosen |" in said
    assert said.count("chosen") == 1


def test_steps_of_gradient_descent_are_their_own(
    train: TrainCommand, run: Path, read: Read
) -> None:
    train("--tensorboard", "--solver", "sgd", "--steps", "25", "--eval-interval", "10")
    history = table(run / "history.csv")
    assert [row["setting"] for row in history] == ["step 10", "step 20", "step 25"]
    found = scalars(read("held_out"), "cross_entropy")
    assert list(found) == [10, 20, 25]
    assert list(found.values()) == pytest.approx(column(history, "held_out_cross_entropy"))
    assert "head/strength" not in read("train").Tags()["scalars"]


@pytest.mark.parametrize("layers", [["Mixed_7c"], list(LAYERS)])
def test_the_histograms_count_every_weight(
    train: TrainCommand, run: Path, read: Read, layers: list[str]
) -> None:
    train("--tensorboard", "--layers", "all" if len(layers) == 3 else "last")
    events, (test,) = read("train"), read("test").Scalars("accuracy")
    head = Classifier.load(run, engine=FakeEngine()).model.head
    assert set(events.Tags()["histograms"]) == {
        "head/biases", *(f"head/weights_{layer}" for layer in layers)
    }  # fmt: skip
    start = 0
    for layer in layers:
        weight = head.weight[:, start : start + LAYERS[layer]]
        start += LAYERS[layer]
        found = {
            each.step: each.histogram_value for each in events.Histograms(f"head/weights_{layer}")
        }
        assert list(found) == list(range(1, 10))
        assert {histogram.num for histogram in found.values()} == {3 * LAYERS[layer]}
        chosen = found[test.step]
        assert (chosen.min, chosen.max) == pytest.approx((float(weight.min()), float(weight.max())))
        assert chosen.sum_squares == pytest.approx(float(weight.double().square().sum()), rel=1e-5)
        assert sum(chosen.bucket) == chosen.num
    assert {each.histogram_value.num for each in events.Histograms("head/biases")} == {3}


def test_the_confusion_matrices_are_images(train: TrainCommand, run: Path, read: Read) -> None:
    train("--tensorboard")
    for name, part in (("held_out", "leave_one_out"), ("test", "test")):
        (event,) = read(name).Images("confusion_matrix")
        image = numpy.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
        # Three cells of 40 pixels that end 24 pixels before the corner; all answers are right.
        confusion = metrics_of(run)[part]["confusion"]
        assert all(sum(row) == row[number] > 0 for number, row in enumerate(confusion))
        cells = image[-24 - 120 : -24, -24 - 120 : -24]
        corners = cells[2::40, 2::40]
        assert (corners[numpy.eye(3, dtype=bool)] == AGAINST).all()
        assert (corners[~numpy.eye(3, dtype=bool)] == 255).all()


def test_without_test_images_there_is_no_test(train: TrainCommand, run: Path, read: Read) -> None:
    train("--tensorboard", "--holdout", "0")
    tags = read("test").Tags()
    assert tags["scalars"] == tags["images"] == []
    assert len(read("held_out").Scalars("accuracy")) == 9


def test_images_that_nobody_may_see_are_not_in_it(train: TrainCommand, run: Path) -> None:
    for flags, is_blank in (([], False), (["--no-thumbnails"], True)):
        assert train("--tensorboard", *flags)[0] == 0
        sprite = Image.open(run / "tensorboard" / "images" / "sprite.jpg")
        assert (sprite.getextrema() == ((255, 255),) * 3) == is_blank


def test_a_second_run_takes_the_place_of_the_first(
    train: TrainCommand, run: Path, read: Read
) -> None:
    train("--tensorboard")
    (run / "tensorboard" / "train" / "mine.txt").write_text("mine")
    assert files(run / "tensorboard") == {*BOARD_FILES, "train/mine.txt"}
    train("--tensorboard", "--solver", "sgd", "--steps", "5")
    assert files(run / "tensorboard") == {*BOARD_FILES, "train/mine.txt"}
    assert (run / "tensorboard" / "train" / "mine.txt").read_text() == "mine"
    assert list(scalars(read("train"), "accuracy")) == [5]
    assert [entry.name for entry in run.iterdir() if entry.name.startswith(".")] == []


def test_the_library_writes_it_too_and_leaves_random_numbers_alone(
    colours: Path, run: Path
) -> None:
    torch.manual_seed(3)
    train_classifier(colours, output=run, engine=FakeEngine(), tensorboard=True)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))
    assert files(run / "tensorboard") == set(BOARD_FILES)


def test_no_file_tells_the_name_of_the_machine(
    train: TrainCommand, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "name-of-the-machine")
    train("--tensorboard")
    for name in files(run / "tensorboard"):
        assert "name-of" not in name
        assert b"name-of" not in (run / "tensorboard" / name).read_bytes()


def test_what_is_in_the_way_is_told_before_any_work(train: TrainCommand, run: Path) -> None:
    run.mkdir(parents=True)
    (run / "tensorboard").write_text("mine")
    status, _, err = train("--tensorboard")
    assert status == 1
    assert err.startswith(f"error: tensorboard: {run / 'tensorboard'} cannot be written (")
    assert files(run) == {"tensorboard"}
    assert train()[0] == 0


def test_where_it_fails_the_run_is_complete(train: TrainCommand, run: Path) -> None:
    (run / "tensorboard").mkdir(parents=True)
    (run / "tensorboard" / "held_out").write_text("mine")
    status, out, err = train("--tensorboard")
    assert status == 0
    assert f"WARNING: {run / 'tensorboard'} cannot be written (" in err
    assert "logdir" not in out
    assert (run / "model.pt").is_file()
    assert files(run / "tensorboard") == {"held_out"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_noticed() -> None:
    with (
        pytest.raises(OSError, match="No space left on device"),
        Path("/dev/full").open("wb") as file,
    ):
        EventFile(file).add_scalar("accuracy", 0.5, 1)


def test_without_the_package_it_says_what_to_install(
    train: TrainCommand, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    status, _, err = train("--tensorboard")
    assert status == 1
    (line,) = err.splitlines()
    assert line.startswith("error: the package tensorboard, which --tensorboard needs, is not")
    assert line.endswith('Install it: pip install "torch-inception[tensorboard]".')
    assert not run.exists()
    assert train()[0] == 0


def test_it_is_not_imported_unless_it_is_asked_for(colours: Path, run: Path) -> None:
    code = (
        "import sys\nfrom tests.fakes import FakeEngine\n"
        "from torch_inception.commands.train import main\n"
        "assert main(sys.argv[1:], engine=FakeEngine()) == 0\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'tensorboard']"
    )
    command = [sys.executable, "-c", code, "--data", str(colours), "--output", str(run)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, check=True, env=environment)

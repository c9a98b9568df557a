"""What `retrain.py` left becomes a run folder that names images without training again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.fakes import random_state
from tests.test_end_to_end import command
from tests.weights.graphs import Nodes, constant, inception, retrained, saved, with_softmax
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import load_model
from torch_inception.commands.convert import main as convert
from torch_inception.commands.predict import main as predict
from torch_inception.errors import ConfigError, ModelError, TorchInceptionError, WeightsError
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.retrained import convert_retrained, read_retrained
from torch_inception.weights.checked import make_weights
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights

LABELS = ["daisy", "rösli", "tulip"]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "retrained_labels.txt"
    path.write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("graph"), retrained(inception(), 3))


@pytest.fixture
def graph(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(built, tmp_path / "retrained_graph.pb"))


@pytest.mark.parametrize("scope", ["final_training_ops", "final_retrain_ops"])
def test_the_last_layer_is_the_head(scope: str, tmp_path: Path, labels: Path) -> None:
    graph = saved(tmp_path, retrained(inception(), 3, scope=scope))
    weights, model = read_retrained(graph, labels)
    assert model.labels == LABELS
    expected = torch.arange(2048.0) + torch.tensor([[0.0], [0.1], [0.2]])
    assert torch.allclose(model.head.weight, expected)
    assert torch.equal(model.head.bias, torch.tensor([0.0, 1.0, 2.0]))
    assert model.record == weights.record == load_weights(str(graph)).record
    # The old program decoded whole images, and rounded no features.
    assert (model.preprocessing.resize, model.preprocessing.exact_decode) == ("tensorflow", True)
    assert not model.half_features


def test_the_folder_names_images_without_the_graph(
    graph: Path, labels: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    convert_retrained(graph, labels, run)
    expected = read_retrained(graph, labels)[1]
    graph.unlink()
    labels.unlink()
    assert (run / "labels.txt").read_text(encoding="utf-8").splitlines() == LABELS
    record = load_model(run).record
    assert record.source == str((run / "weights.pth").absolute())
    assert record.identity == expected.record.identity
    Image.new("RGB", (30, 20), (200, 30, 90)).save(tmp_path / "image.png")
    arguments = [str(tmp_path / "image.png"), "--model", str(run)]
    assert predict(arguments) == 0
    first, complaints = capsys.readouterr()
    assert first.splitlines()[0] == "tulip (score = 1.00000)"
    assert sorted(line.split(" (")[0] for line in first.splitlines()) == LABELS
    assert "tensorflow-2015 pooling" in complaints
    # From the file again, not from what the first command left in the cache.
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "another cache"))
    assert predict(arguments) == 0
    assert capsys.readouterr().out == first


def test_a_folder_may_be_moved_with_its_weights(
    graph: Path, labels: Path, run: Path, tmp_path: Path
) -> None:
    convert_retrained(graph, labels, run)
    moved = run.rename(tmp_path / "moved")
    assert Classifier.load(moved).labels == Classifier.load(moved / "model.pt").labels == LABELS


def test_a_model_without_its_weights_says_which_it_wants(
    graph: Path, labels: Path, run: Path, tmp_path: Path
) -> None:
    convert_retrained(graph, labels, run)
    weights = (run / "weights.pth").rename(tmp_path / "elsewhere.pth")
    with pytest.raises(WeightsError, match=r"weights\.pth.* cannot be had. Name a copy"):
        Classifier.load(run)
    assert Classifier.load(run, weights=str(weights)).labels == LABELS


def test_other_weights_beside_a_model_are_not_taken(
    graph: Path, labels: Path, run: Path, tmp_path: Path
) -> None:
    convert_retrained(graph, labels, run)
    moved = run.rename(tmp_path / "moved")
    run.mkdir()
    shutil.copy(moved / "weights.pth", run)
    others = make_weights(random_state(), source="x", version="x", pooling="torchvision")
    state_file.save(others, moved / "weights.pth")
    assert Classifier.load(moved).labels == LABELS  # with those that the model names
    state_file.save(others, run / "weights.pth")
    with pytest.raises(ModelError, match="but .*weights.pth has the sha256"):
        Classifier.load(moved, weights=run / "weights.pth")


def test_a_path_may_have_commas_and_blanks(
    graph: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "old, of 2019"
    assert convert([str(graph), str(labels), "--output", str(output)]) == 0
    assert capsys.readouterr().out.endswith(f"Use it: --model '{output}'\n")
    assert Classifier.load(output).labels == LABELS
    assert load_weights(output / "weights.pth").record == load_model(output).record


def test_one_of_two_last_layers_is_not_guessed(labels: Path, run: Path, tmp_path: Path) -> None:
    twice = retrained(retrained(inception(), 3), 3, scope="final_retrain_ops")
    with pytest.raises(WeightsError, match="'final_weights' is there 2 times"):
        convert_retrained(saved(tmp_path, twice), labels, run)


def test_a_label_that_is_there_twice_is_told(
    graph: Path, labels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels.write_text("a\nb\na\n")
    assert read_retrained(graph, labels)[1].labels == ["a", "b", "a"]
    assert f"{labels} has the label 'a' more than once" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_labels_that_are_no_utf_8_are_refused(encoding: str, graph: Path, labels: Path) -> None:
    labels.write_bytes("café\nb\nc\n".encode(encoding))
    with pytest.raises(ModelError, match="retrained_labels.txt is not UTF-8 text"):
        read_retrained(graph, labels)


def test_the_command_moves_a_model_over(graph: Path, labels: Path, tmp_path: Path) -> None:
    status, out, err = command(
        "convert", str(graph), "--output", str(tmp_path / "runs" / "old"), str(labels),
        cache=tmp_path / "cache",
    )  # fmt: skip
    assert status == 0, err
    output = tmp_path / "runs" / "old"
    assert out == f"{output} is written. Use it: --model {output}\n"
    assert f"3 classes, in {output}: daisy, rösli, tulip" in err
    assert load_model(output).labels == LABELS


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["retrained_graph.pb", "gone.txt", "--output", "run"], "there is no file gone.txt"),
        (["gone.pb", "retrained_labels.txt", "--output", "run"], "there is no file gone.pb"),
        (["retrained_labels.txt", "retrained_graph.pb", "--output", "run"], "is no .pb file"),
    ],
)
def test_a_mistake_is_told(
    arguments: list[str], told: str, graph: Path, labels: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert graph.parent == labels.parent == tmp_path
    assert convert(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert told in err
    assert "run" not in {path.name for path in tmp_path.iterdir()}


def test_converting_again_replaces_it_and_a_training_is_left_alone(
    graph: Path, labels: Path, run: Path
) -> None:
    convert_retrained(graph, labels, run)
    labels.write_text("a\nb\nc\n", encoding="utf-8")
    convert_retrained(graph, labels, run)
    assert load_model(run).labels == ["a", "b", "c"]
    (run / "metrics.json").write_text("{}")
    with pytest.raises(ConfigError, match="has the results of a training"):
        convert_retrained(graph, labels, run)


def test_a_folder_that_cannot_be_written_is_named(
    graph: Path, labels: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the results to .*file/run"):
        convert_retrained(graph, labels, tmp_path / "file" / "run")


def bias_of(classes: int) -> Callable[[Nodes], object]:
    name = "final_training_ops/biases/final_biases"
    return lambda nodes: nodes.update({name: constant((classes,), 1.0)})


WEIGHTS = "final_training_ops/weights/final_weights"


@pytest.mark.parametrize(
    ("change", "kind", "complaint"),
    [
        (lambda n: n.pop(WEIGHTS), WeightsError, "final_weights' is missing: this is no graph"),
        (bias_of(2), WeightsError, r"final_biases' has the shape \(2,\); \(3,\) is wanted"),
        (
            lambda n: n.update({WEIGHTS: constant((1001, 3), 1.0)}),
            WeightsError,
            r"final_weights' has the shape \(1001, 3\); \(2048, 3\) is wanted",
        ),
        (
            lambda n: n.update({WEIGHTS: constant((2048, 2**40), 1.0)}),
            ModelError,
            "has 3 labels, and the last layer of .* 1099511627776 classes",
        ),
        (
            lambda n: n.update({WEIGHTS: constant((2048, 3), float("nan"))}),
            WeightsError,
            "final_weights' holds values that are not finite",
        ),
        (lambda n: n.pop("conv/conv2d_params"), WeightsError, "conv/conv2d_params' is missing"),
    ],
)
def test_a_wrong_last_layer_is_named(
    change: Callable[[Nodes], object], kind: type[TorchInceptionError], complaint: str,
    tmp_path: Path, labels: Path, run: Path,
) -> None:  # fmt: skip
    nodes = retrained(inception(), 3)
    change(nodes)
    with pytest.raises(kind, match=complaint):
        convert_retrained(saved(tmp_path, nodes), labels, run)
    assert not run.exists()


def test_a_graph_that_was_not_retrained_is_refused(tmp_path: Path, labels: Path, run: Path) -> None:
    with pytest.raises(WeightsError, match="no graph that retrain.py left"):
        convert_retrained(saved(tmp_path, with_softmax(inception())), labels, run)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a\nb\n", "has 2 labels, and the last layer of .* 3 classes"),
        ("a\nb\nc\nd", "has 4 labels"),
        ("", "line 1 is ''"),
        ("a\n\nc\n", "line 2 is ''"),
        ("a\nb\n" + "c" * 1001, "line 3 is 'ccc"),
        ("a\nb\nc\x1b[2J", r"line 3 is 'c\\\\x1b"),
    ],
)
def test_wrong_labels_are_named(
    text: str, complaint: str, graph: Path, labels: Path, run: Path
) -> None:
    labels.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=complaint):
        convert_retrained(graph, labels, run)
    labels.unlink()
    with pytest.raises(WeightsError, match="there is no file .*retrained_labels.txt"):
        convert_retrained(graph, labels, run)


def test_labels_of_windows_are_read(graph: Path, labels: Path) -> None:
    labels.write_bytes("\ufeffdaisy\r\nrösli\r\ntulip".encode())
    assert read_retrained(graph, labels)[1].labels == LABELS

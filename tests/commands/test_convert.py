"""The command `convert`: weights into torchvision's state dict with a record, and back."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor

from tests.fakes import random_state
from tests.test_end_to_end import command
from torch_inception.commands.convert import main
from torch_inception.errors import WeightsError
from torch_inception.weights.checked import Weights, make_weights
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return {name: tensor.float() for name, tensor in random_state().items()}


@pytest.fixture(scope="module")
def weights(state: dict[str, Tensor]) -> Weights:
    """Weights that want nothing of what a plain file is taken to want."""
    return make_weights(
        state,
        source="/somewhere/else.h5",
        version="else.h5",
        pooling="tensorflow",
        scale=((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        lineage="Keras",
    )


@pytest.fixture(scope="module")
def converted(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("converted") / "keras.pth"
    state_file.save(weights, path)
    return path


def test_a_file_read_back_has_the_same_record(weights: Weights, converted: Path) -> None:
    back = load_weights(str(converted))
    assert back.record == dataclasses.replace(weights.record, source=str(converted))
    assert weights.classifier is not None and back.classifier is not None
    for mine, theirs in zip(weights.classifier, back.classifier, strict=True):
        assert torch.equal(mine, theirs)


def test_torchvision_loads_the_file_strictly(converted: Path, state: dict[str, Tensor]) -> None:
    loaded = torch.load(converted, weights_only=True)
    network = torchvision.models.inception_v3(
        weights=None, aux_logits=False, init_weights=False, transform_input=False
    )
    network.load_state_dict(loaded)
    for name, tensor in network.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[name])


def test_weights_without_classes_give_a_file_without_them(weights: Weights, tmp_path: Path) -> None:
    state_file.save(dataclasses.replace(weights, classifier=None), tmp_path / "x.pt")
    assert not {"fc.weight", "fc.bias"} & set(torch.load(tmp_path / "x.pt", weights_only=True))
    assert load_weights(str(tmp_path / "x.pt")).classifier is None


def test_the_record_says_nothing_of_the_machine(converted: Path) -> None:
    assert b"somewhere" not in converted.read_bytes()


def test_what_torch_remembers_of_its_own_is_no_record(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    network = torchvision.models.inception_v3(weights=None, init_weights=False)
    torch.save(network.state_dict(), tmp_path / "x.pth")
    content = torch.load(tmp_path / "x.pth", weights_only=True)
    assert content._metadata["Conv2d_1a_3x3.bn"] == {"version": 2}
    assert load_weights(str(tmp_path / "x.pth")).record.version == "x.pth"


def changed(converted: Path, path: Path, change: Callable[[dict[str, Any], Any], object]) -> str:
    """Save a converted file again, with its record or its tensors changed."""
    content = torch.load(converted, weights_only=True)
    change(content._metadata[state_file.RECORD], content)
    torch.save(content, path)
    return str(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda record, _: record.pop("pooling"),
        lambda record, _: record.update(pooling="both"),
        lambda record, _: record.update(version=""),
        lambda record, _: record.update(version="x" * 5000),
        lambda record, _: record.update(mean=(0.5, 0.5)),
        lambda record, _: record.update(mean="abc"),
        lambda record, _: record.update(std=(0.5, 0.0, 0.5)),
        lambda record, _: record.update(std=(0.5, float("inf"), 0.5)),
        lambda record, _: record.update(fingerprint=5),
        lambda record, _: record.update(lineage=["Keras"]),
        lambda record, _: record.update(surprise=1),
        lambda _, content: content._metadata.update(torch_inception=[]),
        lambda _, content: content._metadata.update(torch_inception="text"),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    converted: Path, tmp_path: Path, change: Callable[[dict[str, Any], Any], object]
) -> None:
    source = changed(converted, tmp_path / "x.pth", change)
    with pytest.raises(WeightsError, match="has a record that cannot be read.*Convert the weights"):
        load_weights(source)


def test_tensors_that_are_not_those_of_the_record_are_refused(
    converted: Path, tmp_path: Path
) -> None:
    source = changed(
        converted, tmp_path / "x.pth", lambda _, state: state["Conv2d_1a_3x3.bn.bias"].add_(1)
    )
    with pytest.raises(WeightsError, match="its tensors were changed"):
        load_weights(source)


def test_show_prints_what_weights_are(
    converted: Path, weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--show", str(converted)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"source: {converted}",
        "lineage: Keras",
        "version: else.h5",
        f"fingerprint: sha256 {weights.record.fingerprint}",
        "classes: ImageNet's 1000",
        "pooling: tensorflow (average pools leave the padding out)",
        "preprocessing: 299 x 299, mean (0.1, 0.2, 0.3), std (0.4, 0.5, 0.6) of red, green, blue "
        "on the scale 0 to 1",
    ]
    assert err.startswith(f"weights: using {converted} (else.h5, sha256 ")


def test_the_command_converts_in_a_process(converted: Path, tmp_path: Path) -> None:
    output = tmp_path / "new folder" / "copy.pt"
    status, out, err = command(
        "convert", str(converted), "--output", str(output), cache=tmp_path / "cache"
    )
    assert status == 0, err
    assert out == f"{output} is written. Use it: --weights '{output}'\n"
    assert [path.name for path in output.parent.iterdir()] == ["copy.pt"]
    record = load_weights(str(converted)).record
    assert load_weights(str(output)).record == dataclasses.replace(record, source=str(output))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["imagnet", "--show"], "error: weights: 'imagnet' is not a source. Use imagenet"),
        (["gone.pth", "--show"], "there is no file gone.pth"),
        (["gone.pth", "--output", "x.bin"], "--output 'x.bin' does not end in .pth or .pt"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert told in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.pth"],
        ["--show"],
        ["x.pth", "--show", "--output", "y.pth"],
        ["x.pb", "x.txt", "--show"],
        ["x.pb", "x.txt", "--output", ""],
    ],
)
def test_what_to_do_must_be_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("(torch-inception convert --help lists all flags)")


def test_an_output_that_cannot_be_written_is_told_and_nothing_is_left(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pth").mkdir()
    assert main([str(converted), "--output", str(tmp_path / "a.pth")]) == 1
    assert "cannot write" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main([str(converted), "--output", str(tmp_path / "file" / "x.pth")]) == 1
    assert "choose another --output" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {"a.pth", "file", "cache"}


def test_a_file_may_be_converted_in_place(
    converted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.pth"
    shutil.copy(converted, path)
    before = load_weights(str(path)).record
    assert main([str(path), "--output", str(path)]) == 0
    assert load_weights(str(path)).record == before


@pytest.mark.real_weights
def test_the_lineage_of_converted_weights_is_kept(
    real_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("TORCH_INCEPTION_CACHE", str(real_cache))
    assert main(["npm:nsfwjs", "--output", str(tmp_path / "nsfwjs.pth")]) == 0
    capsys.readouterr()
    assert main(["--show", str(tmp_path / "nsfwjs.pth")]) == 0
    out, _ = capsys.readouterr()
    assert "lineage: npm:nsfwjs\nversion: 4.4.0\n" in out
    assert "classes: none; only ImageNet's 1000 are kept\npooling: tensorflow" in out

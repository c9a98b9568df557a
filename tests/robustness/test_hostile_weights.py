"""Weights from a stranger, and models that name weights: no code, no surprise, no waiting."""

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.robustness.hostile import calls, mutations, odd_tensors, old_format
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.errors import WeightsError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAST_LAYER_SIZE
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights
from torch_inception.weights.record import WeightsRecord

State = dict[str, Tensor]

NAME = "Mixed_6c.branch7x7_2.conv.weight"
VARIANCE = "Mixed_6c.branch7x7_2.bn.running_var"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


def test_weights_in_other_precisions_and_the_older_format_load(state: State, path: Path) -> None:
    whole = load_weights(str(saved(state, path)))
    path.write_bytes(old_format({k: torch.nn.Parameter(v, False) for k, v in state.items()}))
    assert load_weights(str(path)).record.fingerprint == whole.record.fingerprint
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        loaded = load_weights(str(saved({k: v.to(dtype) for k, v in state.items()}, path)))
        assert torch.equal(loaded.tensors[NAME], state[NAME].to(dtype).float())


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize("kind", odd_tensors((2, 2)))
def test_a_tensor_that_is_not_plain_is_refused(kind: str, state: State, path: Path) -> None:
    odd = odd_tensors(tuple(state[NAME].shape))[kind]
    with pytest.raises(
        WeightsError, match=rf"weights\.pth: .*'{NAME}' .*(plain numbers|complex64)"
    ):
        load_weights(str(saved({**state, NAME: odd}, path)))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (NAME, 1e300, "not finite"),
        (NAME, float("inf"), "not finite"),
        (VARIANCE, -1.0, "variances below 0"),
        (VARIANCE, float("nan"), "not finite"),
        ("fc.bias", float("nan"), "not finite"),
    ],
)
def test_numbers_that_no_network_can_have_are_refused(
    state: State, path: Path, name: str, value: float, told: str
) -> None:
    wrong = torch.full(state[name].shape, value, dtype=torch.float64)
    with pytest.raises(WeightsError, match=f"'{name}' holds .*{told}"):
        load_weights(str(saved({**state, name: wrong}, path)))


@pytest.mark.parametrize("fc", [7, "text", torch.zeros(()), torch.zeros(1000, 1), [0] * 1000])
def test_a_classifier_that_is_none_is_refused(state: State, path: Path, fc: object) -> None:
    with pytest.raises(WeightsError, match="the tensor 'fc.bias' (is a|has the shape)"):
        load_weights(str(saved({**state, "fc.bias": fc}, path)))


def test_a_model_in_place_of_weights_is_told(path: Path) -> None:
    saved({"labels": ["a"], "record": {}, "weight": torch.zeros(1, 2048)}, path)
    with pytest.raises(WeightsError, match="is a model that training saved.*Name the weights"):
        load_weights(path)


@pytest.mark.parametrize("part", ["weight", "bias"])
def test_half_a_classifier_is_refused(state: State, path: Path, part: str) -> None:
    half = {name: value for name, value in state.items() if name != f"fc.{part}"}
    with pytest.raises(WeightsError, match=f"the tensor 'fc.{part}' is missing"):
        load_weights(str(saved(half, path)))


@pytest.mark.parametrize("kind", calls(Path("x")))
@pytest.mark.parametrize("style", ["zip", "old"])
def test_code_is_not_run(kind: str, style: str, path: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = {"weight": torch.zeros(3), "surplus": calls(canary)[kind]}
    saved(content, path)
    if style == "old":
        path.write_bytes(old_format(content))
    with pytest.raises(WeightsError, match="more than tensors and plain values"):
        load_weights(str(path))
    assert not canary.exists()


def small() -> dict[str, Any]:
    content = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.arange(5), "c": torch.zeros(0)}
    return {**content, "d": content["a"][1], "e": content["a"].T}


@pytest.mark.parametrize("style", ["zip", "old"])
def test_damage_is_noticed(style: str, path: Path, long: bool) -> None:
    content = saved(small(), path).read_bytes() if style == "zip" else old_format(small())
    refused = 0
    number = 10_000 if long else 300
    for damaged in mutations(content, seed=1, number=number):
        path.write_bytes(damaged)
        try:
            loaded = state_file.read_state(path)
        except WeightsError as error:
            refused += 1
            assert len(str(error)) < 1000
            continue
        # The older format has no checksums: its numbers are checked by nothing.
        if style == "zip":
            same = [torch.equal(loaded[key], value) for key, value in small().items()]
            assert all(same)
            assert loaded.keys() == small().keys()
    assert number // 3 < refused < number


def test_a_dictionary_that_hides_its_own_methods_is_read(state: State, path: Path) -> None:
    hiding = OrderedDict(state)
    hiding.get = hiding.keys = 5  # type: ignore[assignment, method-assign]
    assert load_weights(str(saved(hiding, path))).record.version == path.name


@pytest.mark.parametrize("name", [7, ("a", "b"), None, 0.5])
def test_names_that_are_no_text_are_refused(name: object, path: Path) -> None:
    with pytest.raises(WeightsError, match=f"has a {type(name).__name__} for a name"):
        load_weights(str(saved({name: torch.zeros(3)}, path)))


def named(folder: Path, source: str, fingerprint: str = "0" * 64) -> Path:
    """Save a model that names a source of weights."""
    head = Head(torch.zeros(2, LAST_LAYER_SIZE), torch.zeros(2))
    record = WeightsRecord(source, "v", fingerprint, "torchvision")
    save_model(Model(["a", "b"], head, Preprocessing(), record), folder / "model.pt")
    return folder / "model.pt"


def test_a_model_finds_the_file_that_it_was_trained_with(
    state: State, path: Path, tmp_path: Path
) -> None:
    record = load_weights(str(saved(state, path))).record
    model = named(tmp_path, str(path), record.fingerprint)
    assert Classifier.load(model, device="cpu").engine.record.fingerprint == record.fingerprint


@pytest.fixture(scope="module")
def plain_fingerprint(plain_weights: Path) -> str:
    return load_weights(plain_weights).record.fingerprint


@pytest.mark.parametrize(
    "source",
    [
        "../weights.pth", "weights.pth", "https://example.org/weights.pth", "*.pth", "~/x.pth",
        "file:///weights.pth", "//server/share/x.pth", "\\\\server\\share\\x.pth", "imagenet2",
        "imagenet,/tmp/weights.pth", "/tmp/a.pth,/tmp/b.pth", "/dev/zero", "/etc/passwd",
        "/tmp/x\0.pth", "\n/tmp/x.pth", "-", ".", "/",
    ],
)  # fmt: skip
def test_an_odd_source_that_a_model_names_is_not_opened(
    source: str,
    plain_weights: Path,
    plain_fingerprint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for folder in ("sub", "run"):
        (tmp_path / folder).mkdir()
    # The right weights lie where some of these names would lead.
    for link in ("weights.pth", "sub/weights.pth", "x.pth", "sub/imagenet2"):
        (tmp_path / link).symlink_to(plain_weights)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "sub")
    model = named(tmp_path / "run", source, plain_fingerprint)
    with pytest.raises(WeightsError, match="neither a source nor.*name a copy in --weights"):
        Classifier.load(model, device="cpu")


def huge(path: Path) -> None:
    """Make a file of 16 GiB that takes no room on the disk."""
    path.touch()
    os.truncate(path, 2**34)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "missing", "huge", "no file"])
@pytest.mark.timeout(60)
def test_a_path_that_a_model_names_is_read_only_if_it_is_a_file_of_weights(
    kind: str, path: Path, tmp_path: Path
) -> None:
    make: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
        "loop": lambda: path.symlink_to(path),
        "missing": lambda: None,
        "huge": lambda: huge(path),
        "no file": lambda: None,
    }
    make[kind]()
    source = str(path) if kind != "no file" else f"/{'x' * 300}/{'y' * 300}.pth"
    with pytest.raises(WeightsError, match="Name a copy in --weights") as caught:
        Classifier.load(named(tmp_path, source), device="cpu")
    assert len(str(caught.value)) < 2500

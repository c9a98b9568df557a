"""Weights from a stranger, and models that name weights: no code, no surprise, no waiting."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.robustness.hostile import (
    GIB,
    aliased,
    archive,
    calls,
    doubling,
    mutations,
    odd_tensors,
    old_format,
    peak_memory,
)
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.errors import WeightsError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import FEATURES
from torch_inception.system.tensor_file import load_safely
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


@pytest.mark.parametrize("kind", odd_tensors((2, 2)))
def test_a_tensor_that_is_not_plain_is_refused(kind: str, state: State, path: Path) -> None:
    odd = odd_tensors(tuple(state[NAME].shape))[kind]
    with pytest.raises(WeightsError, match=r"weights\.pth is not a state dict.*(tensor|plain)"):
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
    before, refused = peak_memory(), 0
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
    assert peak_memory() - before < GIB


def old_lies() -> list[tuple[bytes, str]]:
    """Make files of the older format that do not hold what they say, and how each is refused."""
    whole = old_format({"a": torch.zeros(1 << 14)})
    size, more = b"M\0\x40", b"J\0\0\0\x40"
    keys, numbers = whole.rindex(b"\x80\x02"), len(whole) - (4 << 14) - 8
    room = bytes(1 << 17)
    return [
        (whole.replace(size, more), "declares more numbers than it holds"),
        (whole.replace(size, more, 1), "declares more numbers than it holds"),
        (whole.replace(size, more).replace(more, size, 1), "more elements than are saved"),
        (whole.replace(size, b"J\xff\xff\xff\xff"), "more than tensors and plain values"),
        (whole[:keys] + b"\x80\x02]." + room, "damaged"),
        (whole[:keys] + b"\x80\x02K\1." + room, "damaged"),
        (whole[:keys] + b"\x80\x02]X\1\0\0\0xa." + room, "damaged"),
        (whole[:numbers] + b"\1" + whole[numbers + 1 :], "damaged"),
        (whole[:-100], "damaged"),
    ]


@pytest.mark.parametrize("number", range(9))
def test_the_older_format_is_not_believed(number: int, path: Path) -> None:
    content, told = old_lies()[number]
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"not a state dict.*{told}"):
        state_file.read_state(path)


def test_no_file_of_weights_fills_the_memory(path: Path) -> None:
    before = peak_memory()
    archive(path, aliased(300), aliases=299)
    with pytest.raises(WeightsError, match="declares more than it holds"):
        load_weights(str(path))
    archive(path, b"\x80\x02X" + (2**29).to_bytes(4, "little") + bytes(2**29) + b".", compress=True)
    with pytest.raises(WeightsError, match="is compressed"):
        load_weights(str(path))
    saved({"x": doubling(30)}, path)
    with pytest.raises(WeightsError, match=r"_codecs encode"):
        load_weights(str(path))
    assert peak_memory() - before < GIB


def named(folder: Path, source: str, fingerprint: str = "0" * 64) -> Path:
    """Save a model that names a source of weights."""
    head = Head(torch.zeros(2, FEATURES), torch.zeros(2))
    record = WeightsRecord(source, "v", fingerprint, "torchvision")
    save_model(Model(["a", "b"], head, Preprocessing(), record), folder / "model.pt")
    return folder / "model.pt"


def test_a_model_finds_the_file_that_it_was_trained_with(
    state: State, path: Path, tmp_path: Path
) -> None:
    record = load_weights(str(saved(state, path))).record
    model = named(tmp_path, str(path), record.fingerprint)
    assert Classifier.load(model, device="cpu").engine.record.fingerprint == record.fingerprint


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
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("torch_inception.weights.load._load", opened.append)
    with pytest.raises(WeightsError, match="neither a source nor.*name a copy in --weights"):
        Classifier.load(named(tmp_path, source), device="cpu")
    assert opened == []


@pytest.mark.timeout(60)
def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ValueError, match="it is not a regular file"):
        load_safely(path)


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

"""Weights in safetensors files, timm's description beside them, and files made to do harm."""

import json
import logging
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.fakes import random_state
from torch_inception.errors import WeightsError
from torch_inception.weights.checked import make_weights
from torch_inception.weights.formats import safetensors_file
from torch_inception.weights.formats.timm_config import config_beside
from torch_inception.weights.load import load_weights

NAME = "Mixed_6c.branch7x7_2.conv.weight"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return random_state()


@pytest.fixture(scope="module")
def file(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(state, path)
    return path


def test_a_file_gives_what_the_state_dict_gives(file: Path, state: dict[str, Tensor]) -> None:
    weights = load_weights(str(file))
    same = make_weights(state, source="s", version="v", pooling="torchvision")
    assert weights.record.fingerprint == same.record.fingerprint
    assert weights.record.source == str(file)
    assert weights.record.version == "model.safetensors"
    assert weights.record.lineage == "torchvision or timm"
    assert weights.record.pooling == "torchvision"
    assert weights.record.mean == weights.record.std == (0.5, 0.5, 0.5)
    assert weights.classifier is not None
    assert torch.equal(weights.classifier[0], state["fc.weight"].float())


def config(folder: Path, content: object) -> Path:
    """Write a config.json."""
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("name", ["model.safetensors", "timm.pth"])
def test_mean_and_std_come_from_the_config_beside_it(
    file: Path, state: dict[str, Tensor], tmp_path: Path, name: str
) -> None:
    config(tmp_path, {"architecture": "inception_v3", "pretrained_cfg": IMAGENET})
    if name == file.name:
        os.link(file, tmp_path / name)
    else:
        torch.save(state, tmp_path / name)
    record = load_weights(str(tmp_path / name)).record
    assert (list(record.mean), list(record.std)) == (IMAGENET["mean"], IMAGENET["std"])
    assert (record.lineage, record.pooling) == ("timm", "torchvision")


@pytest.mark.parametrize(
    ("content", "mean"),
    [
        ({"architecture": "inception_v3", "pretrained_cfg": IMAGENET}, 0.485),
        ({"architecture": "gluon_inception_v3", **IMAGENET}, 0.485),
        ({"architecture": "inception_v3.tf_in1k", "pretrained_cfg": {"tag": "x"}}, 0.5),
        ({"architecture": "inception_v3", "mean": [0] * 3, "std": [1] * 3}, 0.0),
        ({"architecture": "resnet50", "mean": [7]}, None),
        ({"architectures": ["Bert"], "mean": 5}, None),
        ({"architecture": "inception_v3", "pretrained_cfg": 5}, None),
        ([], None),
    ],
)
def test_only_a_config_of_timms_inception_is_used(
    tmp_path: Path, content: object, mean: float | None
) -> None:
    config(tmp_path, content)
    found = config_beside(tmp_path / "model.safetensors")
    assert (None if found is None else found.scale[0][0]) == mean


@pytest.mark.parametrize(
    "values",
    [
        {"mean": [0.5] * 3},
        {"mean": [0.5] * 2, "std": [1.0] * 3},
        {"mean": [0.5] * 3, "std": [1.0, 0, 1.0]},
        {"mean": [float("nan")] * 3, "std": [1.0] * 3},
        {"mean": "half", "std": "half"},
    ],
)
def test_a_mean_or_std_that_cannot_be_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    config(tmp_path, {"architecture": "inception_v3", "pretrained_cfg": values})
    with pytest.raises(WeightsError, match=r"config\.json gives no mean and std"):
        config_beside(tmp_path / "model.safetensors")


@pytest.mark.parametrize("text", ['{"architecture": "incep', "[" * 100_000, "\x00", ""])
def test_a_damaged_config_is_reported_and_not_used(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    config(tmp_path, text)
    with caplog.at_level(logging.WARNING, logger="torch_inception"):
        assert config_beside(tmp_path / "model.safetensors") is None
    assert "config.json cannot be read" in caplog.text


@pytest.mark.timeout(60)
def test_a_config_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    assert config_beside(tmp_path / "model.safetensors") is None


@pytest.mark.parametrize(
    ("name", "tensor", "reason"),
    [
        (NAME, None, f"'{NAME}' is missing"),
        (NAME, torch.zeros(5), rf"'{NAME}' has the shape \(5,\); inception_v3 wants \(160, 160"),
        (NAME, torch.zeros(160, 160, 1, 7).int(), f"'{NAME}' is of torch.int32"),
        (NAME, torch.full((160, 160, 1, 7), float("nan")), f"'{NAME}' holds .* not finite"),
        ("layer1.weight", torch.zeros(2), "'layer1.weight' is not one of"),
    ],
)
def test_a_wrong_tensor_is_named(
    state: dict[str, Tensor], tmp_path: Path, name: str, tensor: Tensor | None, reason: str
) -> None:
    changed = {key: value for key, value in state.items() if key != name}
    if tensor is not None:
        changed[name] = tensor
    save_file(changed, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match=reason):
        load_weights(str(tmp_path / "x.safetensors"))


def made(entries: object, data: bytes = bytes(8), *, length: int | None = None) -> bytes:
    """Write a file's header, whatever it says, and its numbers."""
    header = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


HOSTILE = {
    "empty": b"",
    "short": b"123",
    "a pickle": b"\x80\x02cos\nsystem\nX\4\0\0\0trueR.",
    "a list of tensors longer than the file": made({}, length=2**19),
    "a list of tensors that is too long": made({}, length=2**63),
    "deep": made(b"[" * 100_000),
    "no list": made([1]),
    "cut short": made({"a": entry("F32", [2], 0, 8)}, bytes(4)),
    "bytes too many": made({"a": entry("F32", [2], 0, 8)}, bytes(12)),
    "overlap": made({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, bytes(12)),
    "the same twice": made({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 0, 8)}),
    "a gap": made({"a": entry("F32", [1], 4, 8)}),
    "backwards": made({"a": entry("F32", [2], 8, 0)}),
    "below nothing": made({"a": entry("F32", [-2], 0, 8)}),
    "overflow": made({"a": entry("F32", [2**62, 4], 0, 8)}),
    "unknown numbers": made({"a": entry("X9", [2], 0, 8)}),
    "numbers that torch has not": made({"a": entry("F4", [16], 0, 8)}),
    "not text": made(b"\xff\xfe"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_made_to_do_harm_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(WeightsError, match=r"x\.safetensors is not a whole safetensors file"):
        load_weights(str(path))


def test_a_tensor_of_nothing_that_claims_much_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(made({"a": entry("F32", [0, 2**62], 0, 0)}, b""))
    with pytest.raises(WeightsError, match="'a' is not one of"):
        load_weights(str(path))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["folder", "pipe", "missing"])
def test_what_is_not_a_file_of_weights_is_not_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    reason = {
        "folder": "has no model.json", "pipe": "not a regular file", "missing": "there is no file"
    }  # fmt: skip
    with pytest.raises(WeightsError, match=reason[kind]):
        load_weights(str(path))


def test_the_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(WeightsError, match=r"safetensors: pip install 'torch-inception\[timm\]'"):
        safetensors_file.load(tmp_path / "x.safetensors")

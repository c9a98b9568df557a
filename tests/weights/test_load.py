"""Weights come from the source that is named, and nothing else gets in."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.processes import run_python
from torch_inception.errors import ConfigError, WeightsError
from torch_inception.weights.checked import make_weights
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights
from torch_inception.weights.record import WeightsRecord

State = dict[str, torch.Tensor]


def saved(folder: Path, content: object, name: str = "weights.pth") -> Path:
    path = folder / name
    torch.save(content, path)
    return path


def test_a_file_with_auxiliary_head_and_classifier_loads(tmp_path: Path, state: State) -> None:
    weights = load_weights(str(saved(tmp_path, state)))
    assert weights.record.pooling == "torchvision"
    assert weights.record.mean == weights.record.std == (0.5, 0.5, 0.5)
    assert weights.classifier is not None
    assert torch.equal(weights.classifier[0], state["fc.weight"])
    assert not any(name.startswith(("AuxLogits", "fc")) for name in weights.tensors)


def test_a_file_without_them_has_the_same_fingerprint(tmp_path: Path, state: State) -> None:
    bare = {k: v for k, v in state.items() if not k.startswith(("AuxLogits", "fc."))}
    whole = load_weights(str(saved(tmp_path, state, "whole.pth")))
    without = load_weights(str(saved(tmp_path, bare, "bare.pt")))
    assert without.classifier is None
    assert without.record.fingerprint == whole.record.fingerprint


def test_a_classifier_of_other_classes_is_left_out(tmp_path: Path, state: State) -> None:
    other = {**state, "fc.weight": torch.zeros(7, 2048), "fc.bias": torch.zeros(7)}
    assert load_weights(str(saved(tmp_path, other))).classifier is None


NAME = "Mixed_6c.branch7x7_2.conv.weight"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s: s.pop(NAME), "is missing"),
        (lambda s: s.update({NAME: s[NAME][:5]}), r"has the shape \(5, "),
        (lambda s: s.update({NAME: s[NAME].int()}), "torch.int32"),
        (lambda s: s.update({NAME: s[NAME] * float("nan")}), "not finite"),
        (lambda s: s.update({NAME: "text"}), "is a str"),
    ],
)
def test_a_wrong_tensor_is_named(
    tmp_path: Path, state: State, change: Callable[[dict[str, Any]], Any], problem: str
) -> None:
    broken: dict[str, Any] = dict(state)
    change(broken)
    with pytest.raises(WeightsError, match=f"{NAME}.*{problem}"):
        load_weights(str(saved(tmp_path, broken)))


def test_a_surplus_tensor_is_named(tmp_path: Path, state: State) -> None:
    with pytest.raises(WeightsError, match="Mixed_9z"):
        load_weights(str(saved(tmp_path, {**state, "Mixed_9z.weight": torch.zeros(1)})))


class Trap:
    """Would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sprung")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    path = saved(tmp_path, {"x": Trap(sprung)})
    with pytest.raises(WeightsError, match="load safely"):
        load_weights(str(path))
    assert not sprung.exists()


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 cut short"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not a state dict"):
        load_weights(str(path))


def test_sources_are_tried_in_order_and_the_reasons_kept(tmp_path: Path, state: State) -> None:
    good = saved(tmp_path, state)
    weights = load_weights(f"{tmp_path / 'missing.pth'}, {good}")
    assert weights.record.version == "weights.pth"
    [(source, reason)] = weights.refused
    assert source.endswith("missing.pth")
    assert "there is no file" in reason


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_checkpoint_of_a_training_is_unwrapped(
    key: str, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    extras = {"optimizer": optimizer.state_dict(), "shape": parameter.shape, "seen": {1, 2}}
    content = {"epoch": 3, "best": 0.5, **extras, key: parallel}
    torch.save(content, tmp_path / "checkpoint.PTH")
    torch.save(state, tmp_path / "plain.bin")
    found, plain = (load_weights(tmp_path / name) for name in ("checkpoint.PTH", "plain.bin"))
    assert found.record.fingerprint == plain.record.fingerprint
    assert found.classifier is not None


def test_when_every_source_fails_each_is_listed(tmp_path: Path) -> None:
    first, second = tmp_path / "first.pth", tmp_path / "second.pt"
    with pytest.raises(WeightsError) as caught:
        load_weights(f"{first},{second}")
    assert f"there is no file {first}" in str(caught.value)
    assert f"there is no file {second}" in str(caught.value)


def test_a_misspelt_source_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"'imagnet' is not a source.*imagenet, npm:nsfwjs"):
        load_weights("imagnet,npm:nsfwjs")


def test_weights_without_imagenet_classes_are_passed_over(tmp_path: Path, state: State) -> None:
    bare = {k: v for k, v in state.items() if not k.startswith("fc.")}
    sources = f"{saved(tmp_path, bare, 'bare.pth')},{saved(tmp_path, state, 'whole.pth')}"
    assert load_weights(sources, need_classifier=True).record.version == "whole.pth"


def test_a_record_survives_as_plain_values(state: State) -> None:
    record = make_weights(state, source="s", version="v", pooling="tensorflow").record
    assert WeightsRecord.from_dict(record.as_dict()) == record


def test_a_user_is_warned_once_of_what_npms_weights_are(tmp_path: Path, state: State) -> None:
    path = tmp_path / "converted.pth"
    lineage = "npm:nsfwjs"
    state_file.save(
        make_weights(state, source="s", version="v", pooling="tensorflow", lineage=lineage), path
    )
    code = """
import logging, sys
logging.basicConfig(format="%(message)s")
from torch_inception.weights.load import load_weights
load_weights(sys.argv[1], for_model=True)
logging.warning("here")
load_weights(sys.argv[1])
load_weights(sys.argv[1])
"""
    done = run_python(code, path, environment=os.environ)
    assert done.returncode == 0, done.stderr
    here, first, second = done.stderr.splitlines()
    assert here == "here"
    assert first == "WARNING: npm:nsfwjs is the network of a filter for pornographic images,"
    assert second.startswith("pretrained on ImageNet before that.")
    assert len(second) < 80

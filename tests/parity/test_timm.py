"""timm's and torchvision's own networks beside ours, on random weights that are not degenerate."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from tests.parity.conftest import Answers, Compare, answers_of, require_caught
from tests.parity.drawings import Pixels
from torch_inception.weights.load import load_weights

pytestmark = pytest.mark.parity

IMAGENET_SCALE = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What torchvision's and timm's documentation normalise pixels with."""


def normalised(images: Pixels, mean: Any, std: Any) -> Tensor:  # noqa: ANN401
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    shift, scale = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
    return (pixels - shift) / scale


def enliven(network: nn.Module, inputs: Tensor) -> None:
    """Draw every scale and shift, and take the statistics of each layer from a pass."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(inputs)
    network.eval()


def their_answers(network: nn.Module, inputs: Tensor) -> Answers:
    """Run a network; its rows are the spatial means of what the three layers give."""
    seen: list[Tensor] = []
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda _, given, maps: seen.append(maps.mean(dim=(2, 3)))
        )
        for name in ("Mixed_6e", "Mixed_7a", "Mixed_7c")
    ]
    with torch.no_grad():
        outputs = network(inputs)
    for handle in handles:
        handle.remove()
    logits = outputs[0] if isinstance(outputs, tuple) else outputs
    rows = torch.cat(seen, dim=1)
    return Answers(rows.numpy(), logits.numpy(), logits.softmax(dim=1).numpy())


@pytest.fixture
def timm_network(images: Pixels) -> Callable[..., tuple[nn.Module, Answers]]:
    """Make one of timm's networks with its own mean and std; return it and its answers."""
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install '.[parity]'")

    def make(tag: str, **options: bool) -> tuple[nn.Module, Answers]:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            network = timm.create_model(f"inception_v3.{tag}", pretrained=False, **options)
            wanted = timm.data.resolve_data_config({}, model=network)
            inputs = normalised(images, wanted["mean"], wanted["std"])
            enliven(network, inputs)
        return network, their_answers(network, inputs)

    return make


@pytest.mark.parametrize("tag", ["tv_in1k", "tf_adv_in1k", "gluon_in1k"])
def test_what_timm_publishes(
    tag: str,
    timm_network: Callable[..., tuple[nn.Module, Answers]],
    images: Pixels,
    compare: Compare,
    tmp_path: Path,
) -> None:
    # Of timm's files this one alone has the auxiliary head.
    network, theirs = timm_network(tag, aux_logits=tag == "tv_in1k")
    from timm.models import save_for_hf

    save_for_hf(network, str(tmp_path), safe_serialization=True)
    weights = load_weights(str(tmp_path / "model.safetensors"))
    assert weights.record.lineage == "timm"
    ours = answers_of(weights, images)
    compare(f"timm {tag} (.safetensors)", "timm", ours=ours, theirs=theirs)


def test_timm_state_dict(
    timm_network: Callable[..., tuple[nn.Module, Answers]],
    images: Pixels,
    compare: Compare,
    tmp_path: Path,
) -> None:
    network, theirs = timm_network("tf_in1k")
    torch.save(network.state_dict(), tmp_path / "timm.pth")
    ours = answers_of(load_weights(str(tmp_path / "timm.pth")), images)
    compare("timm tf_in1k (.pth)", "timm", ours=ours, theirs=theirs)


@pytest.fixture(scope="module")
def torchvision_file(
    tmp_path_factory: pytest.TempPathFactory, images: Pixels
) -> tuple[Path, Answers]:
    """Save torchvision's network as it is when it is pretrained; return its answers, too."""
    inputs = normalised(images, *IMAGENET_SCALE)
    with torch.random.fork_rng():
        torch.manual_seed(8)
        network = torchvision.models.inception_v3(
            weights=None, init_weights=True, transform_input=True
        )
        enliven(network, inputs)
    path = tmp_path_factory.mktemp("torchvision") / "torchvision.pth"
    torch.save(network.state_dict(), path)
    return path, their_answers(network, inputs)


def test_torchvision_state_dict(
    torchvision_file: tuple[Path, Answers], images: Pixels, compare: Compare
) -> None:
    path, theirs = torchvision_file
    ours = answers_of(load_weights(str(path)), images)
    compare("torchvision (.pth)", "torchvision", ours=ours, theirs=theirs)


def test_the_wrong_pooling_is_caught(
    torchvision_file: tuple[Path, Answers], images: Pixels
) -> None:
    path, theirs = torchvision_file
    require_caught(answers_of(load_weights(str(path), pooling="tensorflow"), images), theirs)


def test_the_wrong_scale_is_caught(torchvision_file: tuple[Path, Answers], images: Pixels) -> None:
    path, theirs = torchvision_file
    weights = load_weights(str(path))
    mean, std = IMAGENET_SCALE
    wrong = dataclasses.replace(weights.record, mean=mean, std=std)
    require_caught(answers_of(dataclasses.replace(weights, record=wrong), images), theirs)

"""torchvision's network as it is, and the way to features that PyTorch's tutorials show."""

import multiprocessing

import numpy
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

from benchmarks.contenders.memory import random_values
from benchmarks.worker import Rows, Run

BATCH = 32
WORKERS = 2


def plain_network() -> nn.Module:
    """Make torchvision's Inception-v3 without its classifier: (B, 3, 299, 299) -> (B, 2048).

    Its weights are random and keep the size of what runs through: numbers that fade towards zero
    would be slow for a reason that real ones do not have.
    """
    torch.manual_seed(0)
    network: nn.Module = models.inception_v3(weights=None, init_weights=False)
    network.fc = nn.Identity()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network.eval().requires_grad_(False)


def tutorial() -> Run:
    """Prepare ImageFolder, transforms, DataLoader and the network, all as in the tutorials."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = plain_network().to(device)
    steps = [
        transforms.Resize((299, 299)),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]

    def run(folder: str) -> Rows:
        dataset = datasets.ImageFolder(folder, transforms.Compose(steps))
        batches = DataLoader(
            dataset, batch_size=BATCH, num_workers=WORKERS, multiprocessing_context=_context()
        )
        with torch.no_grad():
            return _joined([network(values.to(device)).cpu() for values, _ in batches])

    return run


def network(memory_format: str) -> Run:
    """Prepare the network alone.

    Args:
        memory_format: "contiguous_format" (torch's default) or "channels_last".
    """
    order: torch.memory_format = getattr(torch, memory_format)
    network = plain_network().to(memory_format=order)
    values = torch.from_numpy(random_values(BATCH)).to(memory_format=order)

    def run(request: str) -> Rows:
        count = int(request)
        with torch.no_grad():
            rows = [network(values[: count - start]) for start in range(0, count, BATCH)]
        return _joined(rows)

    return run


def _context() -> str | None:
    """Fork where it can be done: fresh interpreters would start anew in every timed pass."""
    return "fork" if "fork" in multiprocessing.get_all_start_methods() else None


def _joined(rows: list[Tensor]) -> Rows:
    joined: Rows = torch.cat(rows).numpy().astype(numpy.float32, copy=False)
    return joined

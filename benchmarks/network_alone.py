"""Time the network alone, from memory, beside other ways of running it and the machine's limit.

    python -m benchmarks.network_alone

The limit is the rate of plain matrix products (on a processor in fp32, on a GPU in bf16), measured
in the same rounds. With a CUDA GPU the GPU is measured, else the processor. Needs the `benchmark`
extra: pip install ".[benchmark]".
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import network_on_gpu
from benchmarks.arguments import speed_parser
from benchmarks.jpegs import make_jpegs
from benchmarks.machine import processor
from benchmarks.matrix_products import LIMIT, MatrixProducts
from benchmarks.rounds import Contender, Request, measure, started
from benchmarks.table import Rates, markdown, times

EAGER = "torchvision"

OPERATIONS = 11.4
"""GFLOP an image: 5.7 thousand million multiplications, and as many additions."""

COLUMN = "images per second"

WARM_IMAGES = 32
CALIBRATION_SIZE = (640, 480)


def main() -> None:
    """Print the table."""
    arguments = speed_parser(__doc__, images="a round, on a processor").parse_args()
    if torch.cuda.is_available():
        rates, names = network_on_gpu.measure_gpu(
            arguments.weights, column=COLUMN, rounds=arguments.rounds
        )
        machine, reference = torch.cuda.get_device_name(), network_on_gpu.EAGER
    else:
        rates, names = _measure_processor(arguments)
        machine, reference = processor(), EAGER
    products = rates.median(LIMIT, COLUMN)
    print(f"\n{machine}; {arguments.rounds} rounds")
    print(
        f"limit: {products:.0f} GFLOP/s in matrix products, so "
        f"{products / OPERATIONS:.1f} images per second of {OPERATIONS} GFLOP"
    )
    print(_table(rates, names, reference))


def _measure_processor(arguments: argparse.Namespace) -> tuple[Rates, list[str]]:
    with tempfile.TemporaryDirectory() as name:
        calibration = str(make_jpegs(Path(name), CALIBRATION_SIZE, WARM_IMAGES))
        contenders = _contenders(arguments.weights, calibration)
        with started(contenders, Request(str(WARM_IMAGES), WARM_IMAGES)) as workers:
            requests = {COLUMN: Request(str(arguments.images), arguments.images)}
            rates = measure([*workers, MatrixProducts()], requests, arguments.rounds)
            return rates, [worker.name for worker in workers]


def _contenders(weights: str, calibration: str) -> list[Contender]:
    return [
        Contender("torch_inception int8", "ours:network", ("int8", weights, calibration)),
        Contender("torch_inception fp32", "ours:network", ("torch", weights, calibration)),
        Contender(
            "torch_inception fp32, --engine openvino",
            "ours:network",
            ("openvino", weights, calibration),
        ),
        Contender("ONNX Runtime fp32", "onnx_runtime:network"),
        Contender("torchvision, channels last", "torchvision_eager:network", ("channels_last",)),
        Contender(EAGER, "torchvision_eager:network", ("contiguous_format",)),
    ]


def _table(rates: Rates, names: Sequence[str], reference: str) -> str:
    def row(name: str) -> list[str]:
        share = rates.ratio(name, LIMIT, COLUMN)
        assert share is not None
        return [
            name,
            f"{rates.median(name, COLUMN):.1f}",
            times(rates.ratio(name, reference, COLUMN)),
            f"{share * OPERATIONS:.0%}",
        ]

    header = ["", COLUMN, f"against {reference}", "share of the limit"]
    return markdown(header, map(row, names))


if __name__ == "__main__":
    main()

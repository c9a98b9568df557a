"""Time the whole way from JPEGs on disk to feature rows, beside other ways of doing it.

    python -m benchmarks.whole_pass

The JPEGs are made first, in a temporary folder. Every contender waits, warm, in a process of its
own; in each round each makes one pass over each folder, in turn. Needs the `benchmark` extra:
pip install ".[benchmark]". Keras gets an environment of its own in the cache folder.
"""

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import speed_parser
from benchmarks.chart import draw
from benchmarks.jpegs import Size, make_jpegs
from benchmarks.keras_environment import keras_python
from benchmarks.machine import processor
from benchmarks.rounds import Contender, LeftOutError, Request, measure, started
from benchmarks.table import Rates, markdown, times

INT8 = "torch_inception int8"
FP32 = "torch_inception fp32"
OPENVINO = "torch_inception fp32, --engine openvino"
ONNX_RUNTIME = "ONNX Runtime"
TUTORIAL = "PyTorch tutorial"
KERAS = "Keras"

COLOURS = {
    INT8: "#0b5394",
    FP32: "#3d85c6",
    OPENVINO: "#6fa8dc",
    ONNX_RUNTIME: "#7f7f7f",
    TUTORIAL: "#b45f06",
    KERAS: "#d5a021",
}

SIZES = ((640, 480), (1632, 1224), (4000, 3000))

WARM_IMAGES = 32
WARM_SIZE = (640, 480)


def main() -> None:
    """Print the table and draw the chart."""
    arguments = _parse()
    with tempfile.TemporaryDirectory() as name:
        warm = str(make_jpegs(Path(name) / "warm", WARM_SIZE, WARM_IMAGES))
        requests = {
            f"{size[0]} x {size[1]}": Request(
                str(make_jpegs(Path(name) / f"{size[0]}x{size[1]}", size, arguments.images)),
                arguments.images,
            )
            for size in arguments.sizes
        }
        contenders = _contenders(arguments.weights, warm, arguments.keras_python)
        with started(contenders, Request(warm, WARM_IMAGES)) as workers:
            rates = measure(workers, requests, arguments.rounds)
            names = [worker.name for worker in workers]
    print(f"\n{processor()}; {arguments.images} images of each size, {arguments.rounds} rounds")
    print(_table(rates, names, list(requests)))
    colours = {name: COLOURS[name] for name in names}
    draw(arguments.output, rates, colours, list(requests), caption=processor())


def _parse() -> argparse.Namespace:
    parser = speed_parser(__doc__, images="of each size")
    parser.add_argument("--sizes", type=_size, nargs="+", default=SIZES, metavar="WIDTHxHEIGHT")
    parser.add_argument(
        "--keras-python", help="an interpreter that has tensorflow (default: one is made)"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/whole_pass.png"))
    return parser.parse_args()


def _size(text: str) -> Size:
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 640x480")
    return int(found[1]), int(found[2])


def _contenders(weights: str, warm: str, python: str | None) -> list[Contender]:
    contenders = [
        Contender(INT8, "ours:whole_pass", ("int8", weights, warm)),
        Contender(FP32, "ours:whole_pass", ("torch", weights, warm)),
        Contender(OPENVINO, "ours:whole_pass", ("openvino", weights, warm)),
        Contender(ONNX_RUNTIME, "onnx_runtime:whole_pass"),
        Contender(TUTORIAL, "torchvision_eager:tutorial"),
    ]
    try:
        contenders.append(
            Contender(KERAS, "tensorflow_keras:whole_pass", python=python or keras_python())
        )
    except LeftOutError as error:
        print(f"{KERAS} is left out: {error}", flush=True)
    return contenders


def _table(rates: Rates, names: Sequence[str], columns: Sequence[str]) -> str:
    def cell(name: str, column: str) -> str:
        ratios = [times(rates.ratio(name, reference, column)) for reference in (TUTORIAL, KERAS)]
        return " / ".join([f"{rates.median(name, column):.1f}", *ratios])

    header = ["images per second / against the tutorial / against Keras", *columns]
    return markdown(header, ([name, *(cell(name, column) for column in columns)] for name in names))


if __name__ == "__main__":
    main()

"""Time naming many JPEGs with an exported file, beside ONNX Runtime alone and beside torch.

    torch-inception train && torch-inception export runs/training_dataset
    python -m benchmarks.exported runs/training_dataset

In each round, all of these take turns: the file in a loop of ONNX Runtime as it is by default, on
pixels that are decoded and resized already; the file with ONNX Runtime on one thread a core, on the
same pixels; `ExportedClassifier` on the JPEGs; `Classifier`, in float32, on the JPEGs. Needs
pip install ".[benchmark,export]".
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnxruntime

from benchmarks.jpegs import jpegs_in, make_jpegs
from benchmarks.machine import processor
from benchmarks.table import Rates, markdown
from torch_inception import Classifier, ExportedClassifier
from torch_inception.images.preprocess import Pixels
from torch_inception.images.see import see
from torch_inception.system.cores import usable_cores

BARE, BARE_THREADS = "ONNX Runtime, decoded before", "the same, a thread a core"
EXPORTED, TORCH = "ExportedClassifier", "Classifier (torch)"
COLUMN = "images per second"

Run = Callable[[], object]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder with its model.onnx")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = jpegs_in(make_jpegs(Path(folder), (640, 480), arguments.images))
        contenders = _contenders(arguments.run, paths)
        rates = Rates()
        for run in contenders.values():
            run()
        for _ in range(arguments.rounds):
            for name, run in contenders.items():
                start = time.perf_counter()
                run()
                rates.add(name, COLUMN, len(paths) / (time.perf_counter() - start))
    rows = []
    for name in contenders:
        against = [rates.ratio(name, other, COLUMN) for other in (BARE, TORCH)]
        shown = [f"{ratio:.2f}x" for ratio in against if ratio is not None]
        rows.append([name, f"{rates.median(name, COLUMN):.1f}", *shown])
    print(markdown(["", COLUMN, f"against {BARE}", f"against {TORCH}"], rows))
    print(f"\n{processor()}; {arguments.images} images of 640 x 480, {arguments.rounds} rounds")


def _contenders(run: Path, paths: Sequence[Path]) -> dict[str, Run]:
    file = run / "model.onnx"
    classifier, exported = Classifier.load(run, device="cpu"), ExportedClassifier.load(file)
    pixels = [see(path, classifier.model.preprocessing).pixels for path in paths]
    whole, single = onnxruntime.InferenceSession(file), _single(file)
    threads = ThreadPoolExecutor(usable_cores())
    return {
        BARE: lambda: [_answer(whole, each) for each in pixels],
        BARE_THREADS: lambda: list(threads.map(lambda each: _answer(single, each), pixels)),
        EXPORTED: lambda: list(exported.predict_stream(paths)),
        TORCH: lambda: list(classifier.predict_stream(paths)),
    }


def _single(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options)


def _answer(session: onnxruntime.InferenceSession, pixels: Pixels) -> object:
    return session.run(["probabilities", "distance"], {"image": pixels[None]})


if __name__ == "__main__":
    main()

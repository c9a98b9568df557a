"""Time whole commands from start to exit against what importing torch alone takes.

    python -m benchmarks.start_up

Trains once on `training_dataset/`, then runs each command in turn, round after round: naming one
image with the trained model, and with a file that is exported from it, training again with every
feature cached, and `--help`. Needs pip install ".[export]".
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import processor
from benchmarks.table import Rates, markdown
from torch_inception.config import DEFAULT_WEIGHTS

IMPORT = "import torch"
COLUMN = "seconds"
IMAGE = "training_dataset/circle/circle_000.jpg"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "run")
        train = ["-m", "torch_inception.train", "--weights", arguments.weights, "--output", run]
        _seconds(train)
        _seconds(["-m", "torch_inception", "export", run])
        commands = {
            IMPORT: ["-c", "import torch"],
            "name one image": ["-m", "torch_inception.predict", "--model", run, IMAGE],
            "the same, exported": [
                "-m",
                "torch_inception.predict",
                "--model",
                f"{run}/model.onnx",
                IMAGE,
            ],
            "train again": train,
            "--help": ["-m", "torch_inception.train", "--help"],
        }
        seconds = Rates()
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                seconds.add(name, COLUMN, _seconds(command))
    rows = []
    for name in commands:
        ratio = seconds.ratio(name, IMPORT, COLUMN)
        rows.append([name, f"{seconds.median(name, COLUMN):.2f} s", f"{ratio:.2f}x"])
    print(markdown(["command", "median", f"against {IMPORT}"], rows))
    print(f"\n{processor()}; {arguments.rounds} rounds")


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

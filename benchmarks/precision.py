"""Compare the linear probe on 8-bit features with that on float32 features, on three data sets.

    python -m benchmarks.precision

Each data set is split anew ten times, in the same way for both; the head is fitted and chosen as
in training. Needs the extras `benchmark` and `openvino`.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import torch

from benchmarks.images import make_digits, make_patches
from benchmarks.solvers import by_config, labelled_rows, split_measures
from benchmarks.table import markdown
from torch_inception.config import DEFAULT_WEIGHTS, TrainConfig
from torch_inception.datasets.dataset import read_dataset
from torch_inception.engines.choose import load_engine
from torch_inception.engines.openvino.int8 import int8_engine
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import cache_folder
from torch_inception.training.quantisation_sample import QuantisationSample
from torch_inception.weights.load import load_weights


def main() -> None:
    """Print one row per data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    arguments = parser.parse_args()
    float32 = load_engine(load_weights(arguments.weights), device=torch.device("cpu"))
    with tempfile.TemporaryDirectory() as name:
        folders = {
            "`training_dataset/`": Path("training_dataset"),
            "scikit-learn's digits": make_digits(Path(name) / "digits"),
            "patches of 12 photographs": make_patches(Path(name) / "patches"),
        }
        rows = []
        for data, folder in folders.items():
            paths = read_dataset(folder).paths
            sample = QuantisationSample(Preprocessing(), paths, FileIndex(cache_folder()))
            engine, quantisation = int8_engine(float32, Preprocessing(), sample)
            fit = by_config(TrainConfig())
            exact, quick = (
                [accuracy for accuracy, _, _ in split_measures(labelled_rows(each, folder), fit)]
                for each in (float32, engine)
            )
            differences = [other - one for one, other in zip(exact, quick, strict=True)]
            error = statistics.stdev(differences) / len(differences) ** 0.5
            rows.append(
                [
                    data,
                    str(len(paths)),
                    f"{statistics.mean(exact):.3f}",
                    f"{statistics.mean(quick):.3f}",
                    f"{statistics.mean(differences):+.3f} ± {error:.3f}",
                    f"{quantisation.mean_cosine:.4f}, {quantisation.lowest_cosine:.4f}",
                ]
            )
    header = ["images", "how many", "float32", "int8", "difference", "cosine: mean, lowest"]
    print(markdown(header, rows))


if __name__ == "__main__":
    main()

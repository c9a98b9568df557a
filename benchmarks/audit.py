"""See how much of what is planted into data sets an audit finds, and what else it calls faults.

    python -m benchmarks.audit [FOLDER ...]
    python -m benchmarks.audit --rows 50000

Into each data set, several times anew, are planted: labels swapped (5 % of the images), near
copies (5 %: half the size, JPEG quality 30, or cropped to 95 %, in the folder of the original),
blank images (1 %) and foreign ones, of other data sets (1 %). Told is, for swapped labels, which
share of them is among the first twice as many as were planted, by label score (other planted images
left out), and for foreign ones the same by outlier score (blank ones left out); and recall and
precision of what is flagged, that of near copies by pairs that are not the same file. Where
cleanlab is installed, it ranks and flags the same images by the probabilities of the audit.

With --rows, the time and memory that an audit takes are measured on so many synthetic rows.
Needs the `benchmark` extra: pip install ".[benchmark]".
"""

import hashlib
import importlib.util
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy
from numpy.typing import NDArray
from PIL import Image

from benchmarks.arguments import data_parser, data_sets
from benchmarks.icons import make_icons
from benchmarks.machine import processor
from benchmarks.scale import CLASSES, PORTION, StillEngine, in_own_process, peak_memory
from benchmarks.table import markdown
from torch_inception.audit.audited_data import AuditedData
from torch_inception.audit.run_audit import AuditResult, run_audit
from torch_inception.config import AuditConfig
from torch_inception.datasets.dataset import read_dataset
from torch_inception.engines.choose import choose_device, load_engine
from torch_inception.engines.protocol import Engine
from torch_inception.features.cache.file_index import FileIndex
from torch_inception.features.cache.open_store import open_row_store
from torch_inception.features.cache.row_store import StoredRow
from torch_inception.features.image_rows import row_space
from torch_inception.images.facts import ImageFacts
from torch_inception.images.preprocess import Preprocessing
from torch_inception.images.rgb import on_background
from torch_inception.network import LAST_LAYER_SIZE, ROW_SIZE
from torch_inception.system.cache_folder import CACHE_VARIABLE, cache_folder
from torch_inception.system.file_state import file_state
from torch_inception.weights.load import load_weights

SWAPPED, COPIED, BLANK, FOREIGN = 0.05, 0.05, 0.01, 0.01
"""Shares of the images that are planted."""

KINDS = ("half size", "quality 30", "crop to 95%")
HAS_CLEANLAB = importlib.util.find_spec("cleanlab") is not None


class Planted(NamedTuple):
    """What was planted, by path below the data folder.

    Attributes:
        swapped: images in the folder of another class.
        copies: copy -> (kind, original).
        blank: plain images.
        foreign: images of another data set.
    """

    swapped: set[str]
    copies: dict[str, tuple[str, str]]
    blank: set[str]
    foreign: set[str]


def main() -> None:
    """Print a table after each data set."""
    parser = data_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.rows:
        print(in_own_process(measure_rows, arguments.rows), processor(), sep="\n\n")
        return
    engine = load_engine(load_weights(arguments.weights), device=choose_device("auto"))
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = data_sets(Path(name) / "sets", arguments.folders)
        folders["icons"] = make_icons(Path(name) / "sets" / "icons")
        for data, folder in folders.items():
            others = [each for other, each in folders.items() if other != data]
            values = found[data] = defaultdict(list)
            for seed in range(arguments.seeds):
                place = Path(name) / "planted"
                planted = plant(folder, others, place, seed)
                for title, value in measure(place, planted, engine):
                    values[title].append(value)
                shutil.rmtree(place)
            print(_table(found), flush=True)
    if not HAS_CLEANLAB:
        print("\ncleanlab is not installed, so that nothing is compared with it.")
    print(f"\n{processor()}")


def _table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    titles = list(next(iter(found.values())))
    rows = [[title, *(_cell(each.get(title, [])) for each in found.values())] for title in titles]
    return markdown(["", *found], rows)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {spread:.3f}"


def plant(folder: Path, others: Sequence[Path], place: Path, seed: int) -> Planted:
    """Copy a data set to a place and plant faults into it."""
    dice = random.Random(seed)
    labels = sorted(each.name for each in folder.iterdir())
    names = [each.relative_to(folder).as_posix() for each in sorted(folder.glob("*/*"))]
    dice.shuffle(names)
    ends = numpy.cumsum([round(share * len(names)) for share in (SWAPPED, COPIED)])
    swapped, copied = names[: ends[0]], names[ends[0] : ends[1]]
    moved = {
        name: dice.choice([each for each in labels if each != name.split("/")[0]])
        for name in swapped
    }
    for name in names:
        label, _, file = name.partition("/")
        target = (
            place / moved.get(name, label) / (f"swapped_{label}_{file}" if name in moved else file)
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)
    copies = {}
    for number, name in enumerate(copied):
        kind = KINDS[number % len(KINDS)]
        copies[_save_copy(place, name, kind)] = (kind, name)
    count = max(1, round(BLANK * len(names)))
    blank = {_save_blank(place, dice, labels, number) for number in range(count)}
    foreign = set()
    pool = sorted(path for other in others for path in other.glob("*/*"))
    for path in dice.sample(pool, max(1, round(FOREIGN * len(names)))):
        name = f"{dice.choice(labels)}/foreign_{path.parent.name}_{path.name}"
        shutil.copyfile(path, place / name)
        foreign.add(name)
    return Planted(
        {f"{moved[n]}/swapped_{n.replace('/', '_')}" for n in swapped}, copies, blank, foreign
    )


def _save_copy(place: Path, name: str, kind: str) -> str:
    image = on_background(Image.open(place / name))  # as it is seen
    width, height = image.size
    path = Path(name)
    if kind == "half size":
        image = image.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    elif kind == "crop to 95%":
        x, y = round(0.025 * width), round(0.025 * height)
        image = image.crop((x, y, width - x, height - y))
    ending = ".jpg" if kind == "quality 30" else ".png"
    copy = path.with_name(f"copy_{path.stem}{ending}")
    image.save(place / copy, quality=30)  # which PNG knows nothing of
    return copy.as_posix()


def _save_blank(place: Path, dice: random.Random, labels: Sequence[str], number: int) -> str:
    colour = tuple(dice.randrange(256) for _ in range(3))
    name = f"{dice.choice(labels)}/blank_{number}.jpg"
    Image.new("RGB", (120, 90), colour).save(place / name)
    return name


Flags = NDArray[numpy.bool_]
Scores = NDArray[numpy.float64]


def measure(place: Path, planted: Planted, engine: Engine) -> Iterator[tuple[str, float]]:
    """Yield what is measured and its value."""
    output = place.parent / "results"
    start = time.perf_counter()
    result = run_audit(AuditConfig(data=str(place), output=str(output)), engine=engine)
    seconds = time.perf_counter() - start
    paths = [image.path for image in result.data.images]
    yield from _of_labels(result, paths, planted)
    yield from _of_copies(result, paths, planted)
    quality, outliers = result.findings.quality, result.findings.outliers
    yield from _recall_and_precision("blank", quality["blank"], paths, planted.blank)
    # Blank images may well be called unlike all others, too.
    unlike = outliers.is_issue.numpy() & ~quality["blank"]
    yield from _recall_and_precision("foreign", unlike, paths, planted.foreign)
    is_foreign = numpy.array([path in planted.foreign for path in paths])
    scores = {"": outliers.score.numpy()}
    if HAS_CLEANLAB:
        scores["cleanlab, "] = _cleanlab_outliers(result.data)
    for name, score in scores.items():
        title = f"{name}foreign: among the first 2x"
        yield title, _first_twice(score, is_foreign, ~quality["blank"])
    for kind in ("tiny", "dark", "bright", "blurred"):
        yield f"{kind}, share flagged", float(quality[kind].mean())
    yield "seconds", seconds


def _of_labels(
    result: AuditResult, paths: Sequence[str], planted: Planted
) -> Iterator[tuple[str, float]]:
    others = planted.copies.keys() | planted.blank | planted.foreign
    ranked = numpy.array([path not in others for path in paths])
    is_planted = numpy.array([path in planted.swapped for path in paths])
    labels = result.findings.labels
    score = labels.score.nan_to_num(nan=1.0).numpy()
    yield "swapped: among the first 2x", _first_twice(score, is_planted, ranked)
    flagged = labels.is_issue.numpy() & ranked
    yield from _flagged("swapped", flagged, is_planted)
    if HAS_CLEANLAB:
        yield from _cleanlab_labels(result, is_planted, ranked)


def _first_twice(score: Scores, is_planted: Flags, ranked: Flags) -> float:
    order = numpy.argsort(numpy.where(ranked, score, numpy.inf), kind="stable")
    count = int(is_planted.sum())
    return float(is_planted[order[: 2 * count]].sum() / count)


def _flagged(name: str, flagged: Flags, is_so: Flags) -> Iterator[tuple[str, float]]:
    yield f"{name}: flagged, recall", float((flagged & is_so).sum() / max(1, is_so.sum()))
    yield f"{name}: flagged, precision", float((flagged & is_so).sum() / max(1, flagged.sum()))


def _recall_and_precision(
    name: str, flagged: Flags, paths: Sequence[str], planted: set[str]
) -> Iterator[tuple[str, float]]:
    return _flagged(name, flagged, numpy.array([path in planted for path in paths]))


def _of_copies(
    result: AuditResult, paths: Sequence[str], planted: Planted
) -> Iterator[tuple[str, float]]:
    pairs = {
        tuple(sorted((paths[one], paths[other])))
        for each in result.findings.duplicates.sets
        for one, other in combinations(each.places, 2)
        if result.data.images[one].digest != result.data.images[other].digest
    }
    true = {tuple(sorted((copy, original))) for copy, (_, original) in planted.copies.items()}
    for kind in KINDS:
        of_kind = {
            tuple(sorted((copy, original)))
            for copy, (own, original) in planted.copies.items()
            if own == kind
        }
        yield f"copies, {kind}: recall", len(pairs & of_kind) / len(of_kind)
    yield "copies: recall", len(pairs & true) / len(true)
    plain = {
        path for path, is_so in zip(paths, result.findings.quality["blank"], strict=True) if is_so
    }
    to_see = {pair for pair in true if not plain.intersection(pair)}
    yield "copies of images that are not blank: recall", len(pairs & to_see) / len(to_see)
    yield "copies: precision", len(pairs & true) / max(1, len(pairs))


def _cleanlab_labels(
    result: AuditResult, is_planted: Flags, ranked: Flags
) -> Iterator[tuple[str, float]]:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    fitted, targets = result.findings.labels.fitted, result.data.targets.numpy()
    assert fitted.left_out is not None
    assert fitted.left_out_scores is not None
    probabilities = numpy.eye(len(result.data.labels))[targets]
    probabilities[fitted.left_out.numpy()] = fitted.left_out_scores.numpy()
    score = get_label_quality_scores(
        targets, probabilities, method="normalized_margin", adjust_pred_probs=True
    )
    yield "cleanlab, adjusted margin: among the first 2x", _first_twice(score, is_planted, ranked)
    flagged = find_label_issues(targets, probabilities) & ranked
    yield from _flagged("cleanlab find_label_issues", flagged, is_planted)


def _cleanlab_outliers(data: AuditedData) -> Scores:
    from cleanlab.outlier import OutOfDistribution

    rows = data.result.rows.tensor().numpy()[:, -LAST_LAYER_SIZE:]
    found: Scores = OutOfDistribution({}).fit_score(features=rows, verbose=False)
    return found


def measure_rows(folder: Path, count: int) -> str:
    """Return what an audit of so many images takes, all of whose rows are cached."""
    data = folder / "data"
    dice = numpy.random.default_rng(0)
    for number in range(count):
        file = data / f"class_{number % CLASSES}" / f"{number:07d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"image %d" % number)
    with _own_cache(folder / "cache"):
        _remember(data, dice)
        config = AuditConfig(data=str(data), output=str(folder / "results"))
        with peak_memory() as peak:
            start, of_processor = time.perf_counter(), time.process_time()
            result = run_audit(config, engine=StillEngine())
            seconds = time.perf_counter() - start
            of_processor = time.process_time() - of_processor
    assert len(result.findings.classes.points) == 4
    return (
        f"{count:,} rows: {seconds:.0f} s, of all cores together {of_processor:.0f} s; "
        f"{peak[0] / 2**30:.2f} GiB"
    )


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    """Have the cache be in a folder during a block."""
    with patch.dict(os.environ, {CACHE_VARIABLE: str(folder)}):
        yield


def _remember(data: Path, dice: numpy.random.Generator) -> None:
    """Put a synthetic row into the cache for each file, with facts as those of photographs."""
    store = open_row_store(cache_folder(), space=row_space(StillEngine(), Preprocessing()))
    centres = dice.random((CLASSES, ROW_SIZE), numpy.float32)
    paths = read_dataset(data).paths
    for start in range(0, len(paths), PORTION):
        rows, files = {}, []
        for path in paths[start : start + PORTION]:
            digest, state = hashlib.sha256(path.read_bytes()).digest(), file_state(path)
            assert state is not None
            files.append((path, state, digest))
            noise = dice.standard_normal(ROW_SIZE, numpy.float32)
            row = numpy.exp(centres[int(path.parent.name[-1])] / 4 + noise).astype("<f2")
            bits = int(dice.integers(0, 2**64, dtype=numpy.uint64))
            rows[digest] = StoredRow(row, ImageFacts(640, 480, "JPEG", "RGB", 120, 50, 500, bits))
        store.append(rows)
        FileIndex(cache_folder()).remember(files)


if __name__ == "__main__":
    main()

"""The commands with --precision int8 as users run them, with real weights."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from tests import test_end_to_end as end_to_end
from torch_inception.engines.openvino.runtime import has_instructions
from torch_inception.weights.sources import npm

pytest.importorskip("openvino")
pytest.importorskip("nncf")
pytestmark = [
    pytest.mark.real_weights,
    pytest.mark.skipif(not has_instructions(), reason="the processor has no 8-bit instructions"),
]


def command(name: str, *arguments: str, cache: Path) -> tuple[int, str, str]:
    # The reports of use that these packages send stay at home here, whatever the library does.
    return end_to_end.command(name, *arguments, cache=cache, NNCF_CI="true")


def train(data: Path, output: Path, cache: Path) -> tuple[str, str]:
    status, shown, complaints = command(
        "train", "--data", str(data), "--output", str(output), "--weights", "npm:nsfwjs",
        "--precision", "int8", cache=cache,
    )  # fmt: skip
    assert status == 0, complaints
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" not in shown + complaints, "NNCF's bars are hidden"
    return shown, complaints


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "patterns"
    for kind in ("dots", "stripes"):
        (folder / kind).mkdir(parents=True)
        for number in range(30):
            end_to_end.draw(kind, number + 500 * (kind == "dots")).save(
                folder / kind / f"{number}.png"
            )
    return folder


@pytest.fixture(scope="module")
def cache(real_cache: Path, patterns: Path) -> Path:
    return Path(
        shutil.copytree(real_cache / "weights", patterns.parent / "cache" / "weights")
    ).parent


@pytest.fixture(scope="module")
def run(patterns: Path, cache: Path) -> Path:
    """Train as a process, once for the tests below."""
    output = patterns.parent / "run"
    shown, complaints = train(patterns, output, cache)
    assert "int8: quantising on 44 images" in shown
    assert "features: 60 computed, 0 reused, 0 files skipped" in shown
    cosine = re.search(r"mean cosine of ([01]\.\d{4})", shown)
    assert cosine is not None
    assert float(cosine[1]) > 0.99
    # Warnings are of the weights and of near copies, and a bar may be shown; nothing of the
    # packages' own.
    others = complaints.replace(npm.WHAT_IT_IS, "").splitlines()
    expected = re.compile(r"\r|.*images/s|WARNING: near copies: ")
    assert [line for line in others if line and not expected.match(line)] == []
    return output


def test_metrics_and_model_say_what_computed_the_features(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    quantisation = metrics["network"]["quantisation"]
    assert quantisation["mean_cosine"] > 0.99
    assert (len(quantisation["digests"]), quantisation["held_back"]) == (44, 16)
    content = torch.load(run / "model.pt", weights_only=True)
    assert content["arithmetic"] == f"int8 {quantisation['key']}"
    assert metrics["network"]["arithmetic"] == content["arithmetic"]
    assert metrics["test"]["accuracy"] == 1.0


def test_a_second_run_reuses_everything_and_gives_the_same(
    run: Path, patterns: Path, cache: Path, tmp_path: Path
) -> None:
    shown, _ = train(patterns, tmp_path / "again", cache)
    assert "quantising" not in shown
    assert "features: 0 computed, 60 reused" in shown
    for name in ("predictions.csv", "splits.csv", "history.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes()
    first, second = (
        torch.load(d / "model.pt", weights_only=True) for d in (run, tmp_path / "again")
    )
    assert torch.equal(first["weight"], second["weight"])
    assert first["arithmetic"] == second["arithmetic"]


def test_added_images_alone_are_computed(
    run: Path, patterns: Path, cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    new = [
        patterns / kind / f"new {number}.png" for kind in ("dots", "stripes") for number in (1, 2)
    ]
    try:
        for number, path in enumerate(new):
            end_to_end.draw(path.parent.name, 900 + number).save(path)
        shown, _ = train(patterns, tmp_path / "run", cache)
    finally:
        for path in new:
            path.unlink(missing_ok=True)
    assert "quantising" not in shown
    assert "features: 4 computed, 60 reused" in shown


def scores_of_training(run: Path) -> list[dict[str, str]]:
    with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    return rows


def named(run: Path, patterns: Path, cache: Path) -> tuple[dict[str, tuple[str, float]], str]:
    """Name the test images; return path -> (label, score), and what is complained of."""
    paths = [str(patterns / row["path"]) for row in scores_of_training(run)]
    status, shown, complaints = command(
        "predict", *paths, "--model", str(run), "--format", "json", "--top", "1", cache=cache
    )
    assert status == 0, complaints
    answers = [json.loads(line) for line in shown.splitlines()]
    assert [answer["path"] for answer in answers] == paths
    best = [answer["predictions"][0] for answer in answers]
    labels = [(each["label"], each["score"]) for each in best]
    return dict(
        zip((row["path"] for row in scores_of_training(run)), labels, strict=True)
    ), complaints


def test_prediction_gives_the_scores_of_training(run: Path, patterns: Path, cache: Path) -> None:
    found, complaints = named(run, patterns, cache)
    assert "float32" not in complaints
    for row in scores_of_training(run):
        label, score = found[row["path"]]
        assert label == row["prediction"]
        assert score == pytest.approx(float(row["score"]), abs=1e-6)


def test_without_the_kept_network_images_are_named_in_float32_with_a_warning(
    run: Path, patterns: Path, cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(cache, tmp_path / "cache")
    (gone,) = (tmp_path / "cache" / "networks").glob("int8-*")
    shutil.rmtree(gone)
    found, complaints = named(run, patterns, tmp_path / "cache")
    assert "trained with --precision int8, and images are named in float32" in complaints
    assert "Traceback" not in complaints
    for row in scores_of_training(run):
        label, score = found[row["path"]]
        assert label == row["prediction"]
        assert score == pytest.approx(float(row["score"]), abs=0.1)


def test_too_few_images_are_an_error_in_a_line(cache: Path, tmp_path: Path) -> None:
    for kind in ("dots", "stripes"):
        (tmp_path / "few" / kind).mkdir(parents=True)
        for number in range(5):
            end_to_end.draw(kind, number).save(tmp_path / "few" / kind / f"{number}.png")
    status, _, complaints = command(
        "train", "--data", str(tmp_path / "few"), "--output", str(tmp_path / "run"),
        "--weights", "npm:nsfwjs", "--precision", "int8", cache=cache,
    )  # fmt: skip
    assert status == 1
    assert "error: precision 'int8' needs 48 different images" in complaints
    assert "there are 10." in complaints
    assert "Traceback" not in complaints
    assert not (tmp_path / "run").exists()

"""What is read of a folder of results."""

import json
import math
import tracemalloc
from pathlib import Path

import pytest

from tests.report.runs import LABELS, make_run
from torch_inception.config import EvaluateConfig, to_toml
from torch_inception.errors import ConfigError
from torch_inception.report.results_folder import ResultsFolder


def test_a_run_is_read_whole(tmp_path: Path) -> None:
    result = make_run(tmp_path)
    folder = ResultsFolder(result.output)
    assert len(folder.images) == 91  # with the copy
    assert folder.digests[folder.images[0].path].hex() == folder.images[0].sha256
    assert all(folder.file_of(image.path).is_file() for image in folder.images)
    assert [Path(path).name for path, _ in folder.skipped] == ["broken.png"]
    # Under fifty images are for the test, so those left out say more.
    left_out, tested = folder.judged
    assert (left_out.part, tested.part) == ("leave_one_out", "test")
    assert len(left_out.answers) == result.metrics["leave_one_out"]["n"]
    assert tested.images == f"{len(tested.answers)} test images"
    assert left_out.images == f"{len(left_out.answers)} training images, each left out in turn"


def test_scores_are_those_of_the_answers(tmp_path: Path) -> None:
    folder = ResultsFolder(make_run(tmp_path).output)
    scores = folder.scores
    assert scores is not None
    assert list(scores.labels) == sorted(LABELS)
    for answer in folder.judged[0].answers:
        found = scores.of(answer.path)
        assert found is not None
        assert next(iter(found)) == answer.prediction
        assert found[answer.label] == pytest.approx(answer.label_score, rel=1e-4)
        assert list(found.values()) == sorted(found.values(), reverse=True)
    assert scores.of("elsewhere.png") is None


def test_distances_are_read_where_they_are_told(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    table = tmp_path / "scores.csv"
    table.write_text("path,label,split,seen,score:a\n1.png,a,test,false,1\n")
    scores = ResultsFolder(tmp_path).scores
    assert scores is not None
    assert scores.distances is None
    table.write_text(
        "path,label,split,seen,distance,score:a\n1.png,a,test,false,1.5,1\n2.png,a,test,true,,1\n"
    )
    scores = ResultsFolder(tmp_path).scores
    assert scores is not None
    assert scores.distances is not None
    assert scores.distances[0] == 1.5
    assert math.isnan(scores.distances[1])


def test_scores_take_little_more_room_than_their_numbers(tmp_path: Path) -> None:
    """A table may have 16 million of them, whose texts would take a gigabyte."""
    classes, images = 1000, 200
    header = ["path", "label", "distance", *(f"score:{number}" for number in range(classes))]
    numbers = ",".join(f"{number / classes:.6g}" for number in range(classes))
    lines = [f"{number}.png,0,1.5,{numbers}" for number in range(images)]
    (tmp_path / "metrics.json").write_text('{"classes": []}')
    (tmp_path / "scores.csv").write_text("\n".join([",".join(header), *lines]))
    del lines
    tracemalloc.start()
    try:
        scores = ResultsFolder(tmp_path).scores
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scores is not None
    assert scores.scores.shape == (images, classes)
    assert peak < 5 * scores.scores.nbytes


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({"classes": ["a", "b"]}))
    folder = ResultsFolder(tmp_path)
    assert (folder.images, folder.judged, folder.groups, folder.skipped) == ([], [], [], [])
    assert folder.scores is None
    assert folder.settings is None
    assert folder.file_of("a/1.png") == Path("a/1.png")
    assert ResultsFolder(tmp_path, Path("data")).file_of("a/1.png") == Path("data/a/1.png")


def test_images_of_a_table_are_beside_it_where_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"classes": []}')
    (tmp_path / "config.toml").write_text('data = ""\nlabels = "tables/labels.csv"\n')
    assert ResultsFolder(tmp_path).file_of("1.png") == Path("tables/1.png")


def test_an_evaluation_has_settings_and_images_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"classes": [], "model": {}}')
    (tmp_path / "config.toml").write_text(to_toml(EvaluateConfig(data="new", against="other")))
    folder = ResultsFolder(tmp_path)
    assert folder.settings == EvaluateConfig(data="new", against="other")
    assert folder.file_of("a/1.png") == Path("new/a/1.png")


@pytest.mark.parametrize("text", [None, "{", "[]", '{"accuracy": 1}'])
def test_a_folder_without_figures_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ConfigError, match="Name the folder of a run or of an evaluation"):
        ResultsFolder(tmp_path).metrics  # noqa: B018


def test_a_table_that_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "splits.csv").write_bytes(b"\xff\x00")
    with pytest.raises(ConfigError, match=r"splits\.csv is damaged.*Train or evaluate again"):
        _ = ResultsFolder(tmp_path).images
    (tmp_path / "splits.csv").write_text("path,label,split,sha256\n1.png,a\n")
    with pytest.raises(ConfigError, match=r"splits\.csv is damaged"):
        _ = ResultsFolder(tmp_path).images


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("splits.csv", "path;label;split;sha256\n1.png;a;test;00\n"),
        ("predictions.csv", "path,label,prediction\n1.png,a,a\n"),
        ("predictions.csv", "path,label,prediction,score,label_score\n1.png,a,a,high,1\n"),
        ("held_out.csv", "path;label\n1.png;a\n"),
        ("groups.csv", "group;path\ng;1.png\n"),
        ("skipped.csv", "path;reason\n1.png;text\n"),
        ("scores.csv", "path;label;score:a\n1.png;a;1\n"),
        ("scores.csv", "path,label,score:a\n1.png,a\n"),
    ],
)
def test_a_table_without_its_columns_is_told(tmp_path: Path, name: str, text: str) -> None:
    """As a spreadsheet may save it, with semicolons between the columns."""
    (tmp_path / "metrics.json").write_text('{"classes": ["a"]}')
    (tmp_path / name).write_text(text)
    folder = ResultsFolder(tmp_path)
    with pytest.raises(ConfigError, match=rf"{name} is damaged .*Train or evaluate again"):
        _ = folder.images, folder.judged, folder.groups, folder.skipped, folder.scores


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    table = "\ufeffpath,label,split,sha256\n1.png,a,test,00\n"
    (tmp_path / "splits.csv").write_text(table, encoding="utf-8")
    assert ResultsFolder(tmp_path).images[0].path == "1.png"

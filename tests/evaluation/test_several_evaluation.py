"""`torch-inception evaluate` of a model that gives several labels, on a table of them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
from sklearn.metrics import average_precision_score, f1_score

from tests.fakes import FakeEngine, MappingEngine
from tests.report.pages import read_page
from tests.training.runs import metrics_of, table
from tests.training.several import draw_several
from torch_inception import evaluate_classifier, train_classifier
from torch_inception.commands.evaluate import main
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.system.cache_folder import CACHE_VARIABLE

CLASSES = ["blue", "green", "red"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on drawn images; return the run folder."""
    folder = tmp_path_factory.mktemp("trained_several")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        train_classifier(
            "", labels=draw_several(folder), output=folder / "run", engine=MappingEngine(),
            near_duplicates="ignore",
        )  # fmt: skip
    return folder / "run"


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Draw fewer images, and give one a label that is wrong."""
    labels = draw_several(tmp_path / "new", each=3)
    wrong = "010_1.png"
    return write(
        labels,
        [
            (row["path"], row["labels"] + "|red" * row["path"].endswith(wrong))
            for row in table(labels)
        ],
    )


def write(
    file: Path, rows: Sequence[Sequence[object]], header: Sequence[str] = ("path", "labels")
) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])
    return file


def test_figures_are_those_of_scikit_learn_and_the_files_of_a_run(
    trained: Path, drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(trained), "--labels", str(drawn), "--format", "json"]
    assert main(arguments, engine=MappingEngine()) == 0
    out, err = capsys.readouterr()
    folder = trained / "evaluation" / "labels"
    test = json.loads(out)["test"]
    assert metrics_of(folder) == json.loads(out)
    rows = table(folder / "predictions.csv")
    truth, named = (
        numpy.array([[label in row[name].split("|") for label in CLASSES] for row in rows])
        for name in ("labels", "prediction")
    )
    scores = numpy.array(
        [
            [float(row[f"score:{label}"]) for label in CLASSES]
            for row in table(folder / "scores.csv")
        ]
    )
    precisions = [average_precision_score(truth[:, n], scores[:, n]) for n in range(3)]
    assert test["mean_average_precision"] == pytest.approx(numpy.mean(precisions), abs=1e-4)
    assert test["micro_f1"] == pytest.approx(f1_score(truth, named, average="micro"))
    assert test["macro_f1"] == pytest.approx(f1_score(truth, named, average="macro"))
    assert test["exact_match"] == (truth == named).all(axis=1).mean() == 23 / 24
    assert test["n"] == 24
    assert [row["missed"] for row in rows if row["missed"]] == ["red"]
    assert "Evaluation: mean average precision = " in err
    assert "all labels of an image right: 95.8% of 24" in err
    again = evaluate_classifier(trained, labels=folder / "splits.csv", data=drawn.parent,
                                name="again", engine=MappingEngine())  # fmt: skip
    assert again.metrics["test"] == test
    page = read_page(folder / "report.html")
    said = page.all("section")[0].text()
    assert f"{test['mean_average_precision']:.3f}" in said
    assert "24 test images" in said


def test_images_that_were_trained_on_are_told(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = trained.parent / "labels.csv"
    assert (
        main([str(trained), "--labels", str(labels), "--name", "own"], engine=MappingEngine()) == 0
    )
    assert "was trained on" in capsys.readouterr().err
    page = read_page(trained / "evaluation" / "own" / "report.html")
    assert "the figures are too good" in page.all("section")[0].text()


def test_other_classes(trained: Path, drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(row["path"], row["labels"].replace("green", "cow")) for row in table(drawn)]
    table_of_names = write(drawn.with_name("names.csv"), rows)
    result = evaluate_classifier(trained, labels=table_of_names, engine=FakeEngine())
    # No image is said to be green, and some are named so.
    green = result.metrics["test"]["per_class"]["green"]
    assert (green["n"], green["known"], green["named"]) == (0, 24, 12)
    assert result.metrics["unknown_classes"] == {"cow": 12}
    columns = [(path, int("red" in labels.split("|"))) for path, labels in rows]
    table_of_columns = write(drawn.with_name("columns.csv"), columns, header=("path", "red"))
    result = evaluate_classifier(trained, labels=table_of_columns, engine=FakeEngine())
    known = {label: each["known"] for label, each in result.metrics["test"]["per_class"].items()}
    assert known == {"blue": 0, "green": 0, "red": 24}
    arguments = [str(trained), "--labels", str(table_of_names), "--no-report"]
    assert main(arguments, engine=FakeEngine()) == 0
    assert "does not know 'cow': these labels are left out" in capsys.readouterr().err


def test_what_does_not_go_together_is_told(
    trained: Path, drawn: Path, colours: Path, run: Path
) -> None:
    with pytest.raises(DatasetError, match="has one label per image, and .* gives several"):
        evaluate_classifier(trained, colours, engine=FakeEngine())
    strange = write(drawn.with_name("strange.csv"), [(row["path"], "cow") for row in table(drawn)])
    with pytest.raises(DatasetError, match="knows no class of .*strange.csv"):
        evaluate_classifier(trained, labels=strange, engine=FakeEngine())
    train_classifier(colours, output=run, engine=FakeEngine())
    with pytest.raises(DatasetError, match="several labels per image, and the model gives one"):
        evaluate_classifier(run, labels=drawn, engine=FakeEngine())
    with pytest.raises(ConfigError, match="--against needs a model of one label"):
        evaluate_classifier(run, colours, against=trained, engine=FakeEngine())
    with pytest.raises(ConfigError, match="--against needs a model of one label"):
        evaluate_classifier(trained, labels=drawn, against=run, engine=FakeEngine())


def test_another_delimiter(trained: Path, drawn: Path) -> None:
    rows = [(row["path"], row["labels"].replace("|", ";")) for row in table(drawn)]
    other = write(drawn.with_name("other.csv"), rows)
    first, second = (
        evaluate_classifier(trained, labels=file, label_delimiter=delimiter, engine=FakeEngine())
        for file, delimiter in ((drawn, ""), (other, ";"))
    )
    assert first.metrics["test"] == second.metrics["test"]

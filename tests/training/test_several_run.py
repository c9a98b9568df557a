"""Training on images with several labels, and what predicts with it: from a table to answers."""

import csv
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn import metrics as sklearn_metrics

from tests.fakes import FakeEngine, MappingEngine
from tests.training.runs import table
from tests.training.several import COLOURS, draw_several
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import FORMAT_OF_SEVERAL, load_model
from torch_inception.commands import audit, evaluate, predict, show, sort, train
from torch_inception.errors import ConfigError, DatasetError, ModelError
from torch_inception.system.cache_folder import CACHE_VARIABLE
from torch_inception.training.train_classifier import train_classifier

SETTINGS: dict[str, Any] = {"near_duplicates": "ignore", "holdout": 0.3}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a table of drawn images."""
    return draw_several(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def trained(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run on them."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(folder / "cache"))
        train_classifier(labels=drawn, output=folder / "run", engine=FakeEngine(), **SETTINGS)
    return folder / "run"


def flags(rows: list[dict[str, str]], column: str, classes: list[str]) -> NDArray[numpy.bool_]:
    """Return which of the classes a column of labels has, (N, C)."""
    return numpy.array([[label in row[column].split("|") for label in classes] for row in rows])


def metrics_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return found


def test_the_figures_are_those_of_the_tables_by_scikit_learn(trained: Path) -> None:
    metrics = metrics_of(trained)
    assert metrics["classes"] == ["blue", "green", "red"]
    parts = {"test": "predictions.csv", "leave_one_out": "held_out.csv"}
    score_of = {
        row["path"]: [float(row[f"score:{label}"]) for label in metrics["classes"]]
        for row in table(trained / "scores.csv")
    }
    for part, file in parts.items():
        rows = table(trained / file)
        present, named = (
            flags(rows, name, metrics["classes"]) for name in ("labels", "prediction")
        )
        scores = numpy.array([score_of[row["path"]] for row in rows])
        report = metrics[part]
        assert report["n"] == len(rows) > 15
        assert report["mean_average_precision"] == pytest.approx(
            sklearn_metrics.average_precision_score(present, scores), abs=1e-6
        )
        assert report["micro_f1"] == pytest.approx(
            sklearn_metrics.f1_score(present, named, average="micro")
        )
        assert report["exact_match"] == pytest.approx(
            sklearn_metrics.accuracy_score(present, named)
        )
        assert report["mean_average_precision"] > 0.95
        # What was named is what reaches its threshold.
        thresholds = [metrics["head"]["thresholds"][label] for label in metrics["classes"]]
        assert ((scores >= thresholds) == named).all()
    (first, *_) = table(trained / "confusion_matrix.csv")
    assert first["label"] == "blue"
    assert int(first["true_positive"]) + int(first["false_negative"]) == sum(
        "blue" in row["labels"].split("|") for row in table(trained / "predictions.csv")
    )


def test_every_class_is_on_both_sides_and_the_split_is_kept(
    drawn: Path, trained: Path, tmp_path: Path
) -> None:
    rows = table(trained / "splits.csv")
    for part in ("train", "test"):
        labels = {each for row in rows if row["split"] == part for each in row["labels"].split("|")}
        assert labels >= set(COLOURS)
    # The table of a run is a table of labels, with the split and the images with no label.
    copy = tmp_path / "copy.csv"
    copy.write_bytes((trained / "splits.csv").read_bytes())
    again = train_classifier(
        drawn.parent, labels=copy, output=tmp_path / "again", engine=FakeEngine(),
        near_duplicates="ignore",
    )  # fmt: skip
    assert again.metrics["split"] == "given"
    assert again.metrics["test"] == metrics_of(trained)["test"]
    same = [{**row, "group": ""} for row in table(tmp_path / "again" / "splits.csv")]
    assert sorted(map(str, same)) == sorted(str({**row, "group": ""}) for row in rows)


def test_all_forms_of_a_table_train_alike(drawn: Path, trained: Path, tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {"path": []}
    columns |= {colour: [] for colour in COLOURS}
    for row in table(drawn):
        columns["path"].append(str(drawn.parent / row["path"]))
        for colour in COLOURS:
            columns[colour].append(int(colour in row["labels"].split("|")))
    other = train_classifier(columns, output=tmp_path / "run", engine=FakeEngine(), **SETTINGS)
    assert other.metrics["test"] == metrics_of(trained)["test"]
    first, second = (load_model(each) for each in (trained, tmp_path / "run"))
    assert torch.equal(first.head.weight, second.head.weight)


def test_an_unknown_label_is_no_negative(drawn: Path, tmp_path: Path) -> None:
    rows = table(drawn)
    lines = ["path,labels"]
    for place, row in enumerate(rows):
        labels = row["labels"].split("|")
        # Of half of the red images nobody has said so.
        is_hidden = "red" in labels and place % 2
        kept = [label for label in labels if label != "red"] if is_hidden else labels
        lines.append(f"{row['path']},{'|'.join([*kept, *(['?red'] if is_hidden else [])])}")
    (drawn.parent / "hidden.csv").write_text("\n".join(lines))
    result = train_classifier(
        "", labels=drawn.parent / "hidden.csv", output=tmp_path / "run", engine=FakeEngine(),
        **SETTINGS,
    )  # fmt: skip
    red = [result.metrics[part]["per_class"]["red"] for part in ("test", "leave_one_out")]
    assert sum(each["n"] for each in red) == 18
    assert sum(each["known"] for each in red) == 54
    assert all(each["average_precision"] > 0.95 for each in red)


def run_command(
    main: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    *arguments: object,
    **more: FakeEngine,
) -> tuple[int, str, str]:
    status = main([*map(str, arguments)], **more)
    return status, *capsys.readouterr()


def plain_image(path: Path, colour: tuple[int, int, int]) -> Path:
    image = Image.new("RGB", (20, 20), colour)
    image.putpixel((0, 0), (colour[0] + 9, *colour[1:]))
    image.save(path)
    return path


def test_predict_names_all_labels_over_their_thresholds_or_none(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = plain_image(tmp_path / "both.png", (200, 40, 190))
    dark = plain_image(tmp_path / "dark.png", (40, 40, 40))
    said = run_command(predict.main, capsys, "--model", trained, both, dark, engine=FakeEngine())
    first, second = said[1].split(f"{dark}:\n")
    assert {line.split()[0] for line in first.splitlines()[1:3]} == {"red", "blue"}
    assert second.splitlines()[0] == "none"
    common = ("--model", trained, both, dark, "--format")
    lines = run_command(predict.main, capsys, *common, "json", engine=FakeEngine())[1].splitlines()
    told = [json.loads(line) for line in lines]
    assert [sorted(each["over_threshold"]) for each in told] == [["blue", "red"], []]
    for each in told:
        scores = [answer["score"] for answer in each["predictions"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
    assert sum(answer["score"] for answer in told[0]["predictions"]) > 1.5
    rows = csv.DictReader(
        io.StringIO(run_command(predict.main, capsys, *common, "csv", engine=FakeEngine())[1])
    )
    assert json.loads(next(rows)["over_threshold"]) == told[0]["over_threshold"]


def test_predict_tells_of_neighbours_maps_and_what_is_unlike(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = plain_image(tmp_path / "both.png", (200, 40, 190))
    status, out, _ = run_command(
        predict.main, capsys, "--model", trained, both, "--format", "json", "--neighbours", "3",
        "--explain", tmp_path / "maps", engine=MappingEngine(),
    )  # fmt: skip
    assert status == 0
    told = json.loads(out)
    assert told["known"] is True
    assert 0 <= told["distance"] <= told["threshold"]
    assert "blue|red" in {near["label"] for near in told["neighbours"]}
    assert Path(told["explanation"]).is_file()
    dark = plain_image(tmp_path / "dark.png", (40, 40, 40))
    out = run_command(
        predict.main, capsys, "--model", trained, dark, "--neighbours", "1", engine=MappingEngine()
    )[1]
    assert "(none, similarity = " in out
    explanation = Classifier.load(trained, engine=MappingEngine()).explain(both)
    best = told["predictions"][0]
    assert explanation.score(best["label"]) == pytest.approx(best["score"], abs=1e-3)


def test_what_needs_one_label_says_so(
    trained: Path, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = plain_image(tmp_path / "both.png", (200, 40, 190))
    engine = {"engine": FakeEngine()}
    named, labels = ("--model", trained, image), ("--labels", drawn)
    to_train = (*labels, "--output", tmp_path / "x")
    commands: list[tuple[Callable[..., int], tuple[object, ...], str]] = [
        (predict.main, (*named, "--coverage", "0.9"), "what reaches its threshold is shown"),
        (predict.main, (*named, "--unsure", "3"), "has the scores, and show the thresholds"),
        (sort.main, (*named, "--into", tmp_path / "into"), "predict --format csv"),
        (evaluate.main, (trained, *labels, "--against", trained), "Evaluate each model by itself"),
        (train.main, (*to_train, "--tensorboard"), "report.html have the figures of each class"),
        (train.main, (*to_train, "--solver", "sgd"), "fitted by itself, by ridge regression"),
        (audit.main, (*labels, "--output", tmp_path / "y"), "The report of train shows"),
    ]
    for main, arguments, instead in commands:
        status, _, err = run_command(main, capsys, *arguments, **engine)
        assert status == 1
        assert "one label per image" in err or "needs one per image" in err
        assert instead in err
        assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_precision_to_reach_needs_several_labels(drawn: Path, run: Path) -> None:
    images = [(drawn.parent / "images" / f"{name}_0.png", name) for name in ("000", "111")]
    with pytest.raises(ConfigError, match=r"target_precision = 0\.9 needs .* one each\."):
        train_classifier(images, output=run, engine=FakeEngine(), target_precision=0.9)


def test_settings_of_several_labels_are_not_ignored(
    trained: Path, colours: Path, drawn: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in ("0", "-0.0", "1.2"):
        with pytest.raises(SystemExit):
            train.main(["--labels", str(drawn), "--target-precision", value])
        err = capsys.readouterr().err
        assert "target_precision = " in err
        assert "must be above 0 and up to 1" in err
        assert len(err.splitlines()) == 1
    for main, flags in (
        (train.main, ("--data", colours, "--output", run)), (evaluate.main, (trained, colours)),
    ):  # fmt: skip
        engine = FakeEngine()
        status, _, err = run_command(main, capsys, *flags, "--label-delimiter", ";", engine=engine)
        assert status == 1
        assert err.startswith("error: label_delimiter = ';' needs a table of labels")
        assert len(err.splitlines()) == 1
    assert not run.exists()


def test_a_run_of_several_labels_is_not_compared_with_one_of_one(
    drawn: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{drawn.parent / row['path']},{'red' in row['labels']}\n" for row in table(drawn)]
    one = tmp_path / "one.csv"
    one.write_text("".join(["path,label\n", *rows]))
    told = []
    for labels in (drawn, one, one, drawn):
        flags = ("--labels", labels, "--output", run, "--near-duplicates", "ignore", "--no-report")
        status, out, _ = run_command(train.main, capsys, *flags, engine=FakeEngine())
        assert status == 0
        told.append([line for line in out.splitlines() if "compared" in line.lower()])
    assert told[0] == []
    assert told[1] == [
        "The model before had several labels per image, and this one has one: they are not "
        "compared."
    ]
    assert len(told[2]) == 1
    assert told[2][0].startswith("Compared with the run")
    assert told[3] == [
        "The model before had one label per image, and this one has several: they are not compared."
    ]


def test_show_tells_the_thresholds(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run_command(show.main, capsys, trained)[1]
    assert "all labels right" in out
    assert "thresholds" in out


def test_a_damaged_model_is_told(trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained / "model.pt", weights_only=True)
    assert content["format"] == FORMAT_OF_SEVERAL
    damages: list[dict[str, Any]] = [
        {"thresholds": []},
        {"thresholds": [["red", 2.0], ["green", 0.5], ["blue", 0.5]]},
        {"thresholds": [["cow", 0.5], ["green", 0.5], ["blue", 0.5]]},
        {"space": {**content["space"], "images": torch.zeros(3)}},
        {"space": {**content["space"], "judged": 0}},
        {"format": 6},
    ]
    for damage in damages:
        torch.save(content | damage, tmp_path / "model.pt")
        with pytest.raises(ModelError):
            load_model(tmp_path / "model.pt")


def test_a_precision_that_cannot_be_reached_is_told(
    drawn: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Every image of two is a cow, whatever it shows, and each is there twice.
    rows = [(row["path"], row["labels"]) for row in table(drawn)]
    pairs = [(drawn.parent / path, labels.split("|")) for path, labels in rows]
    frame = {
        "path": [path for path, _ in pairs],
        "red": ["red" in labels for _, labels in pairs],
        "cow": [place % 2 for place in range(len(pairs))],
    }
    result = train_classifier(
        frame, output=run, engine=FakeEngine(), target_precision=1.0, **SETTINGS
    )
    head = result.metrics["head"]
    assert head["target_precision"] == 1.0
    named = result.metrics["leave_one_out"]["per_class"]
    assert named["red"]["precision"] == 1.0
    assert named["cow"]["precision"] in (None, 1.0)
    assert named["cow"]["recall"] < 0.1 < named["red"]["recall"]
    (told,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert told.startswith("WARNING: a precision of 100.0% is high for these images: ")
    is_missed = head["missed_precision"] == ["cow"]
    assert ("no threshold reaches it for cow" if is_missed else "recall is low for cow (") in told
    assert "red" not in told


def test_a_card_begins_with_the_larger_part(drawn: Path, run: Path) -> None:
    settings = SETTINGS | {"holdout": 0.1}
    result = train_classifier("", labels=drawn, output=run, engine=FakeEngine(), **settings)
    card = (run / "README.md").read_text(encoding="utf-8")
    assert result.metrics["test"]["n"] < 50
    first, second = [line for line in card.splitlines() if "mean average precision" in line]
    assert first.startswith("- training images, each left out in turn (N=")
    assert second.startswith("- test images (N=")
    assert "Both are of the training images, each left out in turn" in card
    assert "`torch-inception evaluate FOLDER --labels TABLE.csv` measures it" in card
    assert "An image classifier of 3 classes, of which an image can have several or none: " in card
    # The Python of the card names what predict names.
    assert "if score >= classifier.thresholds[label]]" in card


def test_a_table_of_one_class_is_enough(drawn: Path, run: Path) -> None:
    columns = {
        "path": [drawn.parent / row["path"] for row in table(drawn)],
        "red": ["red" in row["labels"] for row in table(drawn)],
    }
    result = train_classifier(columns, output=run, engine=FakeEngine(), **SETTINGS)
    assert result.classifier.labels == ["red"]
    assert result.metrics["test"]["micro_f1"] == result.metrics["test"]["macro_f1"]
    assert {row["prediction"] for row in table(run / "predictions.csv")} == {"", "red"}
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "classifier of 1 class, which an image has or has not: " in card


def test_a_model_tells_its_figures(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show.main([str(trained)]) == 0
    said = capsys.readouterr().out
    for part, name in (("test", "test figures"), ("leave_one_out", "leave-one-out figures")):
        figures = metrics_of(trained)[part]
        (line,) = [line for line in said.splitlines() if line.startswith(name)]
        assert line.endswith(
            f"mean average precision {figures['mean_average_precision']:.4f}, F1 over all labels "
            f"{figures['micro_f1']:.4f}, mean F1 of the classes {figures['macro_f1']:.4f}"
        )


def test_exported_files_of_the_model_before_are_told(
    drawn: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def train_it(**settings: object) -> list[str]:
        caplog.clear()
        settings = {"output": run, "engine": FakeEngine(), **SETTINGS, **settings}
        train_classifier("", labels=drawn, **settings)  # type: ignore[arg-type]
        return [line for line in caplog.text.splitlines() if "was exported from" in line]

    assert train_it() == []
    (run / "web").mkdir()
    for name in ("model.onnx", "bundle.pt", "web/model.onnx"):
        (run / name).write_bytes(b"")
    assert train_it() == []  # the model is the same
    told = train_it(layers="last", threshold=["red=0.9"])
    assert len(told) == 3
    for line, (file, kind) in zip(
        told, [("model.onnx", "onnx"), ("bundle.pt", "bundle"), ("web", "web")], strict=True
    ):
        assert f"{run / file} was exported from the model before this one" in line
        assert line.endswith(f"torch-inception export {run} --format {kind}")


def test_a_threshold_of_the_users_takes_the_place_of_the_one_found(
    drawn: Path, trained: Path, run: Path
) -> None:
    result = train_classifier(
        "", labels=drawn, output=run, engine=FakeEngine(), threshold=["red=0.9"], **SETTINGS
    )
    found = metrics_of(trained)["head"]["thresholds"]
    assert result.metrics["head"]["thresholds"] == {**found, "red": 0.9}
    assert result.classifier.thresholds["red"] == 0.9
    with pytest.raises(ConfigError, match="there is no class 'cow'"):
        train_classifier("", labels=drawn, output=run, engine=FakeEngine(), threshold=["cow=0.9"])


@pytest.mark.parametrize("labels", ["", "?red|?green|?blue"])
def test_a_test_part_without_labels_has_no_average_precision(
    drawn: Path, run: Path, labels: str
) -> None:
    lines = ["path,labels,split"]
    for row in table(drawn):
        is_test = not row["labels"]
        kept, part = (labels, "test") if is_test else (row["labels"], "train")
        lines.append(f"{row['path']},{kept},{part}")
    (drawn.parent / "dark.csv").write_text("\n".join(lines))
    result = train_classifier(
        "", labels=drawn.parent / "dark.csv", output=run, engine=FakeEngine(),
        near_duplicates="ignore",
    )  # fmt: skip
    assert result.metrics["test"]["mean_average_precision"] is None
    card = (run / "README.md").read_text()
    assert "mean average precision n/a, F1 " in card
    # What the hub would show is not made up.
    assert ("model-index:" in card) == (result.metrics["test"]["macro_f1"] is not None)


def test_images_of_the_same_content_and_other_labels_are_left_out(
    drawn: Path, run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes((drawn.parent / "images" / "110_0.png").read_bytes())
    rows = [(drawn.parent / row["path"], row["labels"].split("|")) for row in table(drawn)]
    named = [(path, [each for each in labels if each]) for path, labels in rows]
    result = train_classifier([*named, (copy, [])], output=run, engine=FakeEngine(), **SETTINGS)
    reason = "the same image has different labels: 'none', 'green|red'"
    assert [each.reason for each in result.skipped] == [reason] * 2
    assert "the same image with different labels is not used: 1 image in 2 files." in caplog.text


def test_a_run_into_the_same_folder_keeps_the_split(drawn: Path, run: Path) -> None:
    rows = [(drawn.parent / row["path"], row["labels"].split("|")) for row in table(drawn)]
    named = [(path, [each for each in labels if each]) for path, labels in rows]
    some, more = named[::2], named
    settings = {"output": run, "engine": FakeEngine(), "views": 2, **SETTINGS}
    train_classifier(some, **settings)
    before = {row["sha256"]: row["split"] for row in table(run / "splits.csv")}
    result = train_classifier(more, **settings)
    after = {row["sha256"]: row["split"] for row in table(run / "splits.csv")}
    assert len(after) == len(more) == 2 * len(before)
    assert {digest: after[digest] for digest in before} == before
    assert result.metrics["leave_one_out"]["n"] + result.metrics["test"]["n"] == len(more)


def test_without_a_test_part_training_images_left_out_tell_all(drawn: Path, run: Path) -> None:
    result = train_classifier(
        "", labels=drawn, output=run, engine=FakeEngine(), near_duplicates="ignore", holdout=0
    )
    assert result.metrics["test"]["n"] == 0
    assert result.metrics["leave_one_out"]["mean_average_precision"] > 0.95
    assert "leave" not in (run / "predictions.csv").read_text()
    assert "left out in turn (N=72)" in (run / "README.md").read_text()


def test_images_that_all_belong_together_are_told(drawn: Path, run: Path) -> None:
    columns = {
        "path": [drawn.parent / row["path"] for row in table(drawn)],
        "labels": [row["labels"].split("|") if row["labels"] else [] for row in table(drawn)],
        "group": ["film"] * 72,
        "split": ["train"] * 72,
    }
    with pytest.raises(DatasetError, match="all belong together"):
        train_classifier(columns, output=run, engine=FakeEngine())


def test_a_class_without_training_images_is_told(drawn: Path, tmp_path: Path, run: Path) -> None:
    lines = ["path,labels,split"]
    for row in table(drawn):
        part = "test" if "red" in row["labels"] else "train"
        lines.append(f"{row['path']},{row['labels']},{part}")
    (drawn.parent / "split.csv").write_text("\n".join(lines))
    with pytest.raises(DatasetError, match="no training image of the class 'red'"):
        train_classifier("", labels=drawn.parent / "split.csv", output=run, engine=FakeEngine())
    with pytest.raises(ConfigError, match="class_weights = balanced needs one label"):
        train_classifier(
            "", labels=drawn, output=run, engine=FakeEngine(), class_weights="balanced"
        )

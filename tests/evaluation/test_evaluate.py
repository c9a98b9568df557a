"""`torch-inception evaluate`: figures on other images, as scikit-learn has them; its files."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from tests.drawings import draw_colours
from tests.evaluation.conftest import Evaluate, draw
from tests.fakes import FakeEngine
from tests.training.runs import metrics_of, table
from torch_inception import evaluate_classifier
from torch_inception.classifier.model_file import load_model, save_model
from torch_inception.errors import ConfigError, DatasetError, ModelError
from torch_inception.training.train_classifier import train_classifier

CLASSES = ["blue", "green", "red"]

FILES = {
    *("splits.csv", "predictions.csv", "scores.csv", "confusion_matrix.csv", "skipped.csv"),
    *("config.toml", "metrics.json", "report.html"),
}


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_figures_are_those_of_scikit_learn(trained: Path, new: Path) -> None:
    result = evaluate_classifier(trained, new, engine=FakeEngine())
    test, rows = result.metrics["test"], table(result.output / "predictions.csv")
    truth, answers = ([row[name] for row in rows] for name in ("label", "prediction"))
    assert (test["n"], test["accuracy"]) == (24, pytest.approx(accuracy_score(truth, answers)))
    assert test["accuracy"] == 20 / 24
    assert test["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, answers))
    assert test["macro_f1"] == pytest.approx(f1_score(truth, answers, average="macro"))
    assert test["confusion"] == confusion_matrix(truth, answers, labels=CLASSES).tolist()
    figures = precision_recall_fscore_support(truth, answers, labels=CLASSES)
    for label, precision, recall, f1, count in zip(CLASSES, *figures, strict=True):
        of_class = test["per_class"][label]
        found = [of_class[name] for name in ("precision", "recall", "f1", "n")]
        assert found == pytest.approx([precision, recall, f1, count])
    paths = [new / row["path"] for row in rows]
    scores = result.classifier.predict_proba(paths)
    assert test["cross_entropy"] == pytest.approx(log_loss(truth, scores, labels=CLASSES))
    listed = table(result.output / "scores.csv")
    for row, expected in zip(listed, scores, strict=True):
        found = [float(row[f"score:{label}"]) for label in CLASSES]
        assert found == pytest.approx(expected.tolist(), abs=1e-6)
    distances = [result.classifier.distance(path) for path in paths]
    listed_distances = [float(row["distance"]) for row in listed]
    assert listed_distances == pytest.approx([each.distance for each in distances], rel=1e-4)
    unlike = [each for each in distances if not each.known]
    assert result.metrics["unlike"]["test"] == len(unlike)


def test_the_test_part_of_a_run_has_its_figures_again(trained: Path, evaluate: Evaluate) -> None:
    splits = trained / "splits.csv"
    data = trained.parents[1] / "colours"
    status, out, err = evaluate(trained, data, "--labels", splits)
    assert (status, err) == (0, "")
    before, after = (metrics_of(each)["test"] for each in (trained, trained / "evaluation/colours"))
    assert after.pop("trained_on") == 0
    assert after == before
    assert f"split: of the 90 files, those of the test part are evaluated: {before['n']}" in out


def test_what_it_says_and_leaves(trained: Path, new: Path, evaluate: Evaluate) -> None:
    run_before = snapshot(trained)
    status, out, err = evaluate(trained, new)
    folder = trained / "evaluation" / "new"
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"3 classes in {new}, and their files:"
    assert lines[1:4] == ["  blue    7", "  green   6", "  red    11"]
    start = lines.index("Evaluation accuracy = 83.3% (N=24), 95% interval 64.1% to 93.3% (Wilson)")
    unlike = metrics_of(folder)["unlike"]["test"]
    assert lines[start + 1 :] == [
        f"  unlike the training images: {unlike} ({unlike / 0.24:.1f}%); of images that are like "
        "them, 5.0% would be",
        "Lowest recall: red 72.7% (N=11), green 83.3% (N=6)",
        "Misclassified test images:",
        "  green/b0.png  green, taken for blue",
        "  red/g0.png    red, taken for green",
        "  red/g1.png    red, taken for green",
        "  red/g2.png    red, taken for green",
        f"Results are in {folder}.",
        f"The report is {folder / 'report.html'}",
    ]
    assert {file.name for file in folder.iterdir()} == FILES
    assert {k: v for k, v in snapshot(trained).items() if folder not in k.parents} == run_before
    splits = table(folder / "splits.csv")
    assert list(splits[0]) == list(table(trained / "splits.csv")[0])
    assert {row["split"] for row in splits} == {"test"}
    assert list(table(folder / "scores.csv")[0]) == list(table(trained / "scores.csv")[0])
    metrics = metrics_of(folder)
    assert metrics["classes"] == CLASSES
    assert metrics["counts"]["red"] == {"test": 11}
    assert metrics["model"]["created"] in json.dumps(metrics["model"])
    assert metrics["data"] == "new"


def test_the_report_shows_the_images_unless_they_are_not_wanted(
    trained: Path, new: Path, evaluate: Evaluate
) -> None:
    page = trained / "evaluation" / "new" / "report.html"
    evaluate(trained, new)
    text = page.read_text(encoding="utf-8")
    assert "83.3%" in text
    assert "data:image/" in text
    evaluate(trained, new, "--no-thumbnails")
    assert "data:image/" not in page.read_text(encoding="utf-8")
    evaluate(trained, new, "--no-report")
    assert not page.exists()


def test_the_report_shows_the_comparison_with_another_model(
    trained: Path, new: Path, evaluate: Evaluate
) -> None:
    page = trained / "evaluation" / "new" / "report.html"
    evaluate(trained, new)
    assert "Two models" not in page.read_text(encoding="utf-8")
    evaluate(trained, new, "--against", trained / "model.pt")
    text = page.read_text(encoding="utf-8")
    assert "Two models" in text
    assert "this model 83.3%" in text
    assert "right by both 20" in text


def test_figures_as_json(trained: Path, new: Path, evaluate: Evaluate) -> None:
    status, out, err = evaluate(trained, new, "--format", "json")
    assert status == 0
    assert json.loads(out) == metrics_of(trained / "evaluation" / "new")
    assert "Evaluation accuracy" in err


def test_classes_that_the_model_does_not_know_are_left_out_and_told(
    trained: Path, new: Path, evaluate: Evaluate
) -> None:
    shutil.rmtree(new / "blue")
    (new / "empty").mkdir()
    for number in range(3):
        draw(new / "grey" / f"{number}.png", 99, 99, 90 + number)
    status, out, err = evaluate(trained, new)
    assert status == 0
    assert err == (
        f"WARNING: {trained} does not know 'grey': 3 files are left out. Its classes are 'blue', "
        "'green', 'red'.\n"
    )
    assert "  it says nothing of blue: no image of it is among these" in out
    metrics = metrics_of(trained / "evaluation" / "new")
    assert (metrics["test"]["n"], metrics["unknown_classes"]) == (17, {"grey": 3})


def test_one_class_is_enough_and_none_is_not(trained: Path, new: Path, tmp_path: Path) -> None:
    shutil.copytree(new / "blue", tmp_path / "one" / "blue")
    found = evaluate_classifier(trained, tmp_path / "one", engine=FakeEngine())
    assert (found.metrics["test"]["n"], found.metrics["test"]["accuracy"]) == (7, 1)
    (tmp_path / "one" / "blue").rename(tmp_path / "one" / "azure")
    with pytest.raises(
        DatasetError, match="has no image of a class that .* knows. It knows 'blue'"
    ):
        evaluate_classifier(trained, tmp_path / "one", engine=FakeEngine())
    table = tmp_path / "one.csv"
    table.write_text("path,label\none/azure/b1.png,blue\n")
    by_table = evaluate_classifier(trained, labels=table, engine=FakeEngine())
    assert by_table.metrics["test"]["n"] == 1
    table.write_text("path,label\n")
    with pytest.raises(DatasetError, match="needs images and has no rows"):
        evaluate_classifier(trained, labels=table, engine=FakeEngine())


def test_images_that_were_trained_on_are_told(
    trained: Path, new: Path, colours: Path, evaluate: Evaluate
) -> None:
    parts = {row["path"]: row["split"] for row in table(trained / "splits.csv")}
    kinds = {part: [path for path in parts if parts[path] == part] for part in ("train", "test")}
    for number, path in enumerate([*kinds["train"][:2], *kinds["test"][:3]]):
        shutil.copy(colours / path, new / Path(path).parent / f"again {number}.png")
    _, _, err = evaluate(trained, new)
    assert err == (
        f"WARNING: {trained} was trained on 2 of these 29 images: figures on them are too good.\n"
    )
    folder = trained / "evaluation" / "new"
    assert metrics_of(folder)["test"]["trained_on"] == 2
    seen = [row["path"] for row in table(folder / "scores.csv") if row["seen"] == "true"]
    assert sorted(Path(path).name for path in seen) == ["again 0.png", "again 1.png"]


def test_files_that_cannot_be_used_are_named(trained: Path, new: Path, evaluate: Evaluate) -> None:
    (new / "red" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    shutil.copy(new / "red" / "1.png", new / "blue" / "the same.png")
    status, _, err = evaluate(trained, new)
    assert status == 0
    assert "bad.png" in err
    folder = trained / "evaluation" / "new"
    skipped = {row["path"] for row in table(folder / "skipped.csv")}
    assert skipped == {"red/bad.png", "red/1.png", "blue/the same.png"}
    assert metrics_of(folder)["test"]["n"] == 23
    evaluate(trained, new, "--keep-conflicts")
    assert metrics_of(folder)["test"]["n"] == 25


def test_where_no_file_can_be_used_nothing_is_written(
    trained: Path, tmp_path: Path, evaluate: Evaluate
) -> None:
    (tmp_path / "bad" / "red").mkdir(parents=True)
    (tmp_path / "bad" / "red" / "1.png").write_text("no image")
    status, _, err = evaluate(trained, tmp_path / "bad")
    assert status == 1
    assert err.splitlines()[-1].startswith(
        f"error: no file of {tmp_path / 'bad'} can be used, of 1"
    )
    assert not (trained / "evaluation" / "bad").exists()


def test_of_a_divided_folder_the_test_part_is_evaluated(
    trained: Path, new: Path, tmp_path: Path
) -> None:
    divided = tmp_path / "divided"
    shutil.copytree(new, divided / "test")
    draw_colours(divided / "train", count=3)
    found = evaluate_classifier(trained, divided, engine=FakeEngine())
    assert found.metrics["test"]["n"] == 24
    (divided / "test").rename(divided / "val")
    again = evaluate_classifier(trained, divided, engine=FakeEngine())
    assert again.metrics["test"] == found.metrics["test"]


def test_lists_and_data_frames_are_taken(
    trained: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(new)
    pairs = [(path, path.parent.name) for path in sorted(Path().glob("*/*.png"))]
    found = evaluate_classifier(trained, pairs, engine=FakeEngine())
    assert found.output == trained / "evaluation" / "images"
    frame = pandas.DataFrame(pairs, columns=["file", "what"])
    again = evaluate_classifier(
        trained, frame, path_column="file", label_column="what", engine=FakeEngine()
    )
    folder = evaluate_classifier(trained, ".", engine=FakeEngine())
    assert folder.output == trained / "evaluation" / "new"
    assert found.metrics["test"] == again.metrics["test"] == folder.metrics["test"]


def test_groups_of_a_table_make_the_interval_too_narrow(
    trained: Path, new: Path, evaluate: Evaluate, tmp_path: Path
) -> None:
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name},{p.stem[-1]}" for p in new.glob("*/*.png")]
    (tmp_path / "films.csv").write_text("\n".join(["path,label,group", *rows]))
    _, out, _ = evaluate(trained, "--labels", tmp_path / "films.csv")
    assert (
        "  these are only 8 groups of images that belong together: the interval is too narrow"
        in out
    )
    assert metrics_of(trained / "evaluation" / "films")["test"]["groups"] == 8


def test_data_of_one_name_have_results_of_their_own(
    trained: Path, new: Path, tmp_path: Path
) -> None:
    first = evaluate_classifier(trained, new, engine=FakeEngine())
    before = snapshot(first.output)
    for number in range(5):
        draw(tmp_path / "garden" / "new" / "red" / f"{number}.png", 201 + number, 3, 4)
    second = evaluate_classifier(trained, tmp_path / "garden" / "new", engine=FakeEngine())
    assert second.output == trained / "evaluation" / "garden-new"
    assert snapshot(first.output) == before
    again = evaluate_classifier(trained, new, engine=FakeEngine())
    assert again.output == first.output


def test_results_on_other_images_are_not_replaced(
    trained: Path, new: Path, evaluate: Evaluate
) -> None:
    evaluate(trained, new)
    before = snapshot(trained)
    shutil.rmtree(new)
    for number in range(5):
        draw(new / "red" / f"{number}.png", 201 + number, 3, 4)
    status, _, err = evaluate(trained, new)
    assert status == 1
    folder = trained / "evaluation" / "new"
    assert f"error: {folder} has the results of an evaluation on 24 other images" in err
    assert snapshot(trained) == before
    assert evaluate(trained, new, "--name", "march")[0] == 0
    assert metrics_of(trained / "evaluation" / "march")["test"]["n"] == 5
    assert {k: v for k, v in snapshot(trained).items() if "march" not in k.parts} == before


@pytest.mark.parametrize("name", ["a/b", "..", ".", "/a", "a\0"])
def test_a_name_leads_to_no_other_place(name: str, trained: Path, new: Path) -> None:
    with pytest.raises(ConfigError, match="must be the name of a folder"):
        evaluate_classifier(trained, new, name=name, engine=FakeEngine())


def test_results_that_cannot_be_written_are_as_they_were(
    trained: Path, new: Path, monkeypatch: pytest.MonkeyPatch, evaluate: Evaluate
) -> None:
    evaluate(trained, new)
    before = snapshot(trained)
    draw(new / "red" / "more.png", 222, 0, 0)
    sync, count = os.fsync, iter(range(3))

    def full(handle: int) -> None:
        if "evaluation" in str(Path(f"/proc/self/fd/{handle}").readlink()) and not next(count, 0):
            raise OSError(28, "No space left on device")
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, _, err = evaluate(trained, new)
    assert status == 1
    assert err.startswith(f"error: cannot write the results to {trained / 'evaluation' / 'new'} (")
    assert snapshot(trained) == before
    assert evaluate(trained, new)[0] == 0
    assert metrics_of(trained / "evaluation" / "new")["test"]["n"] == 25


def test_the_model_file_stands_for_its_run(trained: Path, new: Path, tmp_path: Path) -> None:
    found = evaluate_classifier(trained / "model.pt", new, engine=FakeEngine())
    assert found.output == trained / "evaluation" / "new"
    alone = tmp_path / "elsewhere" / "copy.pt"
    alone.parent.mkdir()
    shutil.copy(trained / "model.pt", alone)
    again = evaluate_classifier(alone, new, engine=FakeEngine())
    assert again.output == alone.parent / "evaluation" / "new"
    assert again.metrics["model"] == found.metrics["model"]


def test_a_model_that_knows_no_distances(trained: Path, new: Path, evaluate: Evaluate) -> None:
    model = load_model(trained)
    save_model(dataclasses.replace(model, space=None, training=None), trained / "model.pt")
    status, out, _ = evaluate(trained, new)
    assert status == 0
    assert "unlike" not in out
    metrics = metrics_of(trained / "evaluation" / "new")
    assert metrics["unlike"] is None
    assert metrics["model"]["created"] is None
    rows = table(trained / "evaluation" / "new" / "scores.csv")
    assert {row["distance"] for row in rows} == {"nan"}


def test_class_names_may_have_another_unicode_form(colours: Path, run: Path, new: Path) -> None:
    (colours / "red").rename(colours / "caf\u00e9")
    (new / "red").rename(new / "cafe\u0301")
    train_classifier(colours, output=run, engine=FakeEngine())
    found = evaluate_classifier(run, new, engine=FakeEngine())
    assert (found.metrics["test"]["n"], found.metrics["unknown_classes"]) == (24, {})


def test_the_preprocessing_is_that_of_the_model(colours: Path, run: Path, tmp_path: Path) -> None:
    # Blue at both ends, and red in the middle, which is what "crop" sees.
    train_classifier(colours, output=run, resize="crop", engine=FakeEngine())
    image = Image.new("RGB", (300, 60), (20, 10, 230))
    image.paste((220, 10, 20), (115, 0, 185, 60))
    (tmp_path / "long" / "red").mkdir(parents=True)
    image.save(tmp_path / "long" / "red" / "1.png")
    found = evaluate_classifier(run, tmp_path / "long", engine=FakeEngine())
    assert found.metrics["test"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["{run}"], 1, "error: no images are named."),
        (["{run}", "{data}", "--data", "{data}"], 2, "error: DATA and --data are the same"),
        (["{run}", "{data}/nothing"], 1, "error: there is no folder {data}/nothing."),
        (["{run}", "{run}/splits.csv"], 1, "For a table: --labels {run}/splits.csv"),
        (["{run}/nothing", "{data}"], 1, "error: there is no model {run}/nothing."),
        (["{run}", "{data}", "--against", "{data}"], 1, "error: there is no model {data}/model.pt"),
        (["{run}", "{data}/red"], 1, "holds images and no folders"),
        ([], 2, "the following arguments are required: RUN"),
    ],
)
def test_a_mistake_is_a_line(
    arguments: list[str],
    status: int,
    complaint: str,
    trained: Path,
    new: Path,
    evaluate: Evaluate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def filled(text: str) -> str:
        return text.format(run=trained, data=new)

    try:
        found, _, err = evaluate(*map(filled, arguments))
    except SystemExit as done:
        found, err = int(str(done.code)), capsys.readouterr().err
    assert found == status
    assert filled(complaint) in err
    assert not (trained / "evaluation").exists()


def test_a_file_that_is_no_model_is_refused(new: Path) -> None:
    with pytest.raises(ModelError):
        evaluate_classifier(new / "red" / "1.png", new, engine=FakeEngine())


def test_settings_in_a_file(trained: Path, new: Path, evaluate: Evaluate, tmp_path: Path) -> None:
    evaluate(trained, new, "--name", "first")
    settings = tmp_path / "again.toml"
    shutil.copy(trained / "evaluation" / "first" / "config.toml", settings)
    assert evaluate(trained, "--config", settings, "--name", "second")[0] == 0
    first, second = (metrics_of(trained / "evaluation" / name) for name in ("first", "second"))
    assert first["test"] == second["test"]


def test_hostile_names_are_shown_escaped(
    trained: Path, new: Path, tmp_path: Path, evaluate: Evaluate
) -> None:
    data = tmp_path / "\x1b[2J\nerror: no"
    new.rename(data)
    (data / "red" / "g0.png").rename(data / "red" / "\u202egnp.exe\n.png")
    draw(data / "a\nWARNING: b" / "1.png", 1, 2, 3)
    status, out, err = evaluate(trained, data, "--against", trained)
    assert status == 0
    assert all(character.isprintable() or character == "\n" for character in out + err)
    assert not [line for line in (out + err).splitlines() if line.startswith("error")]
    assert err.count("WARNING: ") - err.count("\\nWARNING: ") == 1
    rows = table(trained / "evaluation" / data.name / "predictions.csv")
    assert "red/\u202egnp.exe\n.png" in {row["path"] for row in rows}

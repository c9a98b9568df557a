"""The main job: a folder of class folders in, a run folder out."""

import dataclasses
import inspect
import json
import logging
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import torch
from PIL import Image

from tests.fakes import FakeEngine
from tests.training.runs import TrainCommand, metrics_of, table
from torch_inception.answers.shares import percent, wilson_interval
from torch_inception.classifier.classifier import Classifier
from torch_inception.commands.train import main
from torch_inception.config import Solver, TrainConfig, make_config, read_toml
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.training.train_classifier import train_classifier

FILES = {
    *("model.pt", "labels.txt", "metrics.json", "history.csv", "README.md"),
    *("splits.csv", "groups.csv", "predictions.csv", "held_out.csv", "scores.csv"),
    *("confusion_matrix.csv", "skipped.csv", "config.toml", "neighbours.pt"),
}


def test_a_run_leaves_every_file_and_nothing_else(train: TrainCommand, run: Path) -> None:
    status, _, err = train()
    assert (status, err) == (0, "")
    assert {file.name for file in run.iterdir()} == FILES | {"report.html"}
    assert [entry.name for entry in run.parent.iterdir()] == ["run"]
    assert (run / "labels.txt").read_text() == "blue\ngreen\nred\n"
    assert table(run / "skipped.csv") == []
    assert list(table(run / "history.csv")[0]) == [
        *("setting", "train_accuracy", "train_cross_entropy"),
        *("held_out_accuracy", "held_out_cross_entropy"),
    ]


def test_metrics_have_every_key_and_agree_with_each_other(colours: Path, run: Path) -> None:
    result = train_classifier(colours, output=run, seed=11, engine=FakeEngine())
    metrics = metrics_of(run)
    assert metrics == json.loads(json.dumps(result.metrics))
    assert metrics["classes"] == ["blue", "green", "red"]
    counts = metrics["counts"]
    assert list(counts) == metrics["classes"]
    assert [sum(parts.values()) for parts in counts.values()] == [30, 30, 30]
    for part in ("train", "test"):
        assert {"accuracy", "cross_entropy", "n"} <= set(metrics[part])
        assert metrics[part]["n"] == sum(c[part] for c in metrics["counts"].values()) >= 3
        assert metrics[part]["accuracy"] == 1.0
    left_out = metrics["leave_one_out"]
    assert (left_out["n"], left_out["excluded"]) == (metrics["train"]["n"], 0)
    assert (left_out["accuracy"], left_out["balanced_accuracy"], left_out["macro_f1"]) == (1, 1, 1)
    assert metrics["head"]["chosen_by"] == "leave-one-out"
    for row, (label, each) in zip(
        metrics["test"]["confusion"], metrics["test"]["per_class"].items(), strict=True
    ):
        assert sum(row) == each["n"] == metrics["counts"][label]["test"]
    assert metrics["network"]["source"] == "imagenet"
    assert metrics["network"]["fingerprint"] == "f" * 64
    assert metrics["features"]["images_per_second"] > 0
    assert {k: metrics["features"][k] for k in ("computed", "reused", "skipped")} == {
        "computed": 90,
        "reused": 0,
        "skipped": 0,
    }
    assert set(metrics["seconds"]) == {
        "dataset", "weights", "features", "split", "head", "learning_curve",
    }  # fmt: skip
    assert [point["images"] for point in metrics["learning_curve"]][-1] == metrics["train"]["n"]
    assert metrics["seed"] == 11


def test_tables_agree_with_the_metrics(train: TrainCommand, run: Path) -> None:
    train()
    counts = metrics_of(run)["counts"]
    splits = table(run / "splits.csv")
    for label, parts in counts.items():
        for part, count in parts.items():
            rows = [r for r in splits if (r["label"], r["split"]) == (label, part)]
            assert len(rows) == count
    tested = [row["path"] for row in splits if row["split"] == "test"]
    predictions = table(run / "predictions.csv")
    assert [row["path"] for row in predictions] == tested
    assert all(row["label"] == row["prediction"] for row in predictions)
    assert all(1 / 3 < float(row["score"]) <= 1 for row in predictions)
    assert all(row["score"] == row["label_score"] for row in predictions)
    trained = [row["path"] for row in splits if row["split"] == "train"]
    held_out = table(run / "held_out.csv")
    assert [row["path"] for row in held_out] == trained
    assert all(0 < float(row["label_score"]) <= float(row["score"]) <= 1 for row in held_out)


def test_the_screen_shows_classes_progress_and_the_final_accuracy(
    train: TrainCommand, run: Path
) -> None:
    _, out, _ = train("--solver", "sgd", "--steps", "250")
    lines = out.splitlines()
    assert "3 classes in" in lines[0] and lines[0].endswith(", and their files:")
    assert [line.split() for line in lines[1:4]] == [["blue", "30"], ["green", "30"], ["red", "30"]]
    start = lines.index("head: solver sgd")
    header, *steps, why = (line.split() for line in lines[start + 2 : start + 7])
    assert header == ["step", *["accuracy", "log", "loss"] * 2]
    assert [cells[0].strip("*") or cells[1] for cells in steps] == ["100", "200", "250"]
    assert sum(cells[0] == "*" for cells in steps) == 1
    assert why[:3] == ["*", "chosen:", "step"]
    test = metrics_of(run)["test"]
    low, high = wilson_interval(round(test["accuracy"] * test["n"]), test["n"])
    accuracy = f"Final test accuracy = {percent(test['accuracy'])} (N={test['n']})"
    assert f"{accuracy}, 95% interval {percent(low)} to {percent(high)} (Wilson)" in lines


def test_a_misclassified_test_image_is_named_everywhere(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    path = next(row["path"] for row in table(run / "splits.csv") if row["split"] == "test")
    label = path.split("/")[0]
    wrong = "red" if label != "red" else "green"
    (colours / path).rename(colours / wrong / "stray.png")
    _, out, _ = train()
    assert f"  {wrong}/stray.png  {wrong}, taken for {label}" in out.splitlines()
    (row,) = (r for r in table(run / "predictions.csv") if r["label"] != r["prediction"])
    assert (row["path"], row["label"], row["prediction"]) == (f"{wrong}/stray.png", wrong, label)
    metrics = metrics_of(run)
    number = metrics["classes"].index
    assert metrics["test"]["confusion"][number(wrong)][number(label)] == 1
    assert metrics["test"]["accuracy"] == pytest.approx(1 - 1 / metrics["test"]["n"])


def is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(each) for each in value)
    return value is None or type(value) in (bool, int, float, str, torch.Tensor)


@pytest.mark.parametrize(("layers", "size"), [("last", 2048), ("all", 4096)])
def test_the_model_is_small_and_holds_tensors_and_plain_values_only(
    layers: str, size: int, train: TrainCommand, run: Path
) -> None:
    train("--layers", layers)
    content = torch.load(run / "model.pt", weights_only=True)
    assert is_plain(content)
    assert content["weight"].shape == (3, size)
    assert content["bias"].shape == (3,)
    assert content["labels"] == ["blue", "green", "red"]
    assert (run / "model.pt").stat().st_size < 200_000


@pytest.mark.parametrize("class_weights", ["equal", "balanced"])
@pytest.mark.parametrize("solver", get_args(Solver))
def test_every_solver_learns_colours_and_gives_the_same_bits_again(
    solver: str, class_weights: str, colours: Path, run: Path
) -> None:
    for path in sorted((colours / "red").iterdir())[6:]:
        path.unlink()
    settings: dict[str, Any] = {"solver": solver, "class_weights": class_weights, "steps": 300}
    settings["learning_rate"] = 0.5
    first = train_classifier(colours, output=run / "1", **settings, engine=FakeEngine())
    again = train_classifier(colours, output=run / "2", **settings, engine=FakeEngine())
    assert first.metrics["test"]["accuracy"] == 1.0
    assert again.metrics["features"]["computed"] == 0
    one, two = (result.classifier.model.head for result in (first, again))
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(one.bias, two.bias)
    for name in ("labels.txt", "history.csv", "splits.csv", "predictions.csv"):
        assert (run / "1" / name).read_bytes() == (run / "2" / name).read_bytes()


def test_a_rerun_reuses_every_image_and_keeps_the_split(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    train()
    before = {row["group"]: row["split"] for row in table(run / "splits.csv")}
    Image.new("RGB", (5, 5), (250, 1, 1)).save(colours / "red" / "new.png")
    (colours / "green" / "sub").mkdir()
    (colours / "green" / "green_00.png").rename(colours / "green" / "sub" / "other name.png")
    assert train()[0] == 0
    features = metrics_of(run)["features"]
    assert (features["computed"], features["reused"]) == (1, 90)
    after = {row["group"]: row["split"] for row in table(run / "splits.csv")}
    assert {group: after[group] for group in before} == before
    assert len(after) == len(before) + 1


def test_a_run_without_a_test_part_is_told_of_by_leave_one_out(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    # A class of one image cannot be left out.
    for path in sorted((colours / "red").iterdir())[1:]:
        path.unlink()
    _, out, _ = train("--holdout", "0")
    assert {row["split"] for row in table(run / "splits.csv")} == {"train"}
    metrics = metrics_of(run)
    assert (metrics["test"]["n"], metrics["train"]["n"]) == (0, 61)
    assert (metrics["leave_one_out"]["n"], metrics["leave_one_out"]["excluded"]) == (60, 1)
    assert "Final test accuracy" not in out
    assert "Leave-one-out accuracy = 100.0% (N=60)" in out
    # The next run has a test part, though no image was in one before.
    train()
    assert metrics_of(run)["test"]["n"] > 0


def test_few_test_images_are_told_of_after_leave_one_out(train: TrainCommand) -> None:
    lines = train()[1].splitlines()
    (first,) = (n for n, line in enumerate(lines) if line.startswith("Leave-one-out accuracy"))
    (last,) = (n for n, line in enumerate(lines) if line.startswith("Final test accuracy"))
    assert first < last


def test_a_solver_that_needs_validation_images_finds_them_after_one_that_does_not(
    train: TrainCommand, run: Path
) -> None:
    train()
    tested = [row["path"] for row in table(run / "splits.csv") if row["split"] == "test"]
    train("--solver", "lbfgs")
    after = table(run / "splits.csv")
    assert [row["path"] for row in after if row["split"] == "test"] == tested
    validation = [row["path"] for row in after if row["split"] == "validation"]
    assert len(validation) >= 3
    assert [row["path"] for row in table(run / "held_out.csv")] == validation
    metrics = metrics_of(run)
    assert metrics["validation"]["n"] == len(validation)
    assert "leave_one_out" not in metrics


def test_assignments_in_the_results_win_over_the_hash(train: TrainCommand, run: Path) -> None:
    train("--solver", "lbfgs")
    file = run / "splits.csv"
    turned = {"test": "validation", "validation": "test", "train": "train"}
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub("|".join(turned), lambda found: turned[found[0]], text), newline="")
    wanted = table(file)
    assert train("--solver", "lbfgs")[0] == 0
    assert table(file) == wanted
    assert len({row["split"] for row in wanted}) == 3


def test_the_way_the_folder_is_named_changes_no_split(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = []
    for number, name in enumerate([str(colours), "colours", "./colours/", "colours/../colours"]):
        train_classifier(name, output=f"out {number}", engine=FakeEngine())
        outputs.append((tmp_path / f"out {number}" / "splits.csv").read_bytes())
    assert set(outputs) == {outputs[0]}


def test_the_resolved_settings_are_saved_and_give_the_same_run(
    train: TrainCommand, colours: Path, run: Path, tmp_path: Path
) -> None:
    train("--solver", "lbfgs", "--seed", "4", "--resize", "pad")
    saved = make_config(TrainConfig, read_toml(run / "config.toml"), origin="file")
    assert saved == TrainConfig(
        data=str(colours), output=str(run), solver="lbfgs", seed=4, resize="pad"
    )
    assert (
        main(
            ["--config", str(run / "config.toml"), "--output", str(tmp_path / "again")],
            engine=FakeEngine(),
        )
        == 0
    )
    one, two = (torch.load(d / "model.pt", weights_only=True) for d in (run, tmp_path / "again"))
    assert torch.equal(one["weight"], two["weight"])


def test_the_settings_of_a_folder_whose_name_is_no_text_give_the_same_run(
    colours: Path, tmp_path: Path
) -> None:
    odd = colours.rename(tmp_path / "caf\udce9")
    assert main(["--data", str(odd), "--output", str(tmp_path / "run")], engine=FakeEngine()) == 0
    settings = ["--config", str(tmp_path / "run" / "config.toml")]
    assert main([*settings, "--output", str(tmp_path / "again")], engine=FakeEngine()) == 0


def test_the_signature_has_every_setting_with_its_default() -> None:
    parameters = inspect.signature(train_classifier).parameters
    fields = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    assert {name: p.default for name, p in parameters.items()} == fields
    hints = get_type_hints(TrainConfig)
    found = get_type_hints(train_classifier)
    paths = {"data", "test_data", "labels", "output", "weights", "shards"}
    for name in fields.keys() - paths - {"engine"}:
        assert found[name] == hints[name], name
    assert all(p.kind is p.KEYWORD_ONLY for name, p in parameters.items() if name != "data")


def test_the_library_takes_any_setting_and_refuses_what_it_cannot_use(
    colours: Path, run: Path
) -> None:
    chosen: dict[str, Any] = {
        "weights": "npm:nsfwjs", "pooling": "tensorflow", "resize": "pad", "exact_decode": True,
        "precision": "fp32", "solver": "sgd", "class_weights": "balanced", "steps": 7,
        "layers": "last", "holdout": 0.25, "group": "(.*)", "near_duplicates": "ignore",
        "views": 2, "flip": True, "random_crop": 5.0,
        "random_scale": 7.0, "random_brightness": 9.0,
        "learning_rate": 0.5, "batch_size": 8, "eval_interval": 3, "seed": 5, "device": "cpu",
        "strict": True, "keep_conflicts": True, "overwrite": True, "test_data": "", "labels": "",
        "tensorboard": False, "bundle": "no", "report": False, "thumbnails": False,
        "threshold": ["red=0.5"], "intensity": "0,4095", "page": "max", "channels": "1,2",
        "path_column": "", "label_column": "", "label_delimiter": "", "target_precision": 0.0,
        "cluster": "", "shards": "",
    }  # fmt: skip
    train_classifier(colours, output=run, engine=FakeEngine(), **chosen)
    saved = read_toml(run / "config.toml")
    assert saved == {"data": str(colours), "output": str(run), "engine": "torch", **chosen}
    wrong: Any = "adam"
    with pytest.raises(ConfigError, match="train_classifier: solver = 'adam' is not one of lda"):
        train_classifier(colours, solver=wrong)
    with pytest.raises(DatasetError, match="there is no folder missing"):
        train_classifier("missing", output=run, engine=FakeEngine())


def test_the_home_folder_is_written_out_for_the_library_too(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = train_classifier("~/colours", output="~/run", engine=FakeEngine())
    assert result.output == tmp_path / "run"
    loaded = Classifier.load("~/run", engine=FakeEngine())
    assert loaded.predict(colours / "red" / "red_00.png", top=1)[0].label == "red"
    assert list(Path().iterdir()) == []


def test_the_library_logs_and_does_not_print(
    colours: Path, run: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        result = train_classifier(colours, output=run, engine=FakeEngine())
    assert capfd.readouterr() == ("", "")
    assert any("Final test accuracy" in record.getMessage() for record in caplog.records)
    assert result.output == run


def test_views_are_trained_on_and_each_image_is_told_of_once(
    train: TrainCommand, run: Path
) -> None:
    _, out, _ = train("--views", "4", "--flip", "--random-brightness", "10")
    assert "views: 8 of each of" in out
    trained = [row["path"] for row in table(run / "splits.csv") if row["split"] == "train"]
    assert [row["path"] for row in table(run / "held_out.csv")] == trained
    metrics = metrics_of(run)
    assert metrics["train"]["n"] == metrics["leave_one_out"]["n"] == len(trained)
    assert metrics["leave_one_out"]["excluded"] == 0
    assert metrics["test"]["accuracy"] == 1.0


def test_drawn_views_depend_on_the_seed_and_fixed_ones_do_not(colours: Path, run: Path) -> None:
    def weight(seed: int, **settings: Any) -> torch.Tensor:  # noqa: ANN401
        result = train_classifier(
            colours, output=run / "out", engine=FakeEngine(), seed=seed, **settings
        )
        return result.classifier.model.head.weight

    assert torch.equal(weight(1, views=2), weight(2, views=2))
    drawn = {"random_brightness": 50.0}
    assert torch.equal(weight(1, **drawn), weight(1, **drawn))
    assert not torch.equal(weight(1, **drawn), weight(2, **drawn))


def test_the_parts_of_a_run_that_had_others_are_not_kept(train: TrainCommand, run: Path) -> None:
    train("--solver", "lbfgs")
    tested = [row["path"] for row in table(run / "splits.csv") if row["split"] == "test"]
    (run / "config.toml").unlink()  # as in a folder of an older version, nothing else tells
    assert train()[0] == 0
    after = table(run / "splits.csv")
    assert {row["split"] for row in after} == {"train", "test"}
    assert [row["path"] for row in after if row["split"] == "test"] == tested

"""README.md in a run folder: read by the hub's own reader, safe, and never over a person's text."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from sklearn.metrics import accuracy_score, f1_score

from tests.fakes import FAKE_RECORD, FakeEngine
from tests.training.runs import TrainCommand, table
from torch_inception.training.model_card import markdown
from torch_inception.training.train_classifier import train_classifier

HOSTILE = [
    "<script>alert(1)</script>",
    "two\nlines",
    "a|b `c` [d](e)",
    "\u202egnp.exe",
    "\u732b'\"",
]


def card_of(run: Path) -> str:
    return (run / "README.md").read_text(encoding="utf-8")


def test_the_hub_reads_its_header_and_figures(colours: Path, run: Path) -> None:
    (colours / "red" / "red_00.png").rename(colours / "blue" / "wrong.png")
    train_classifier(colours, output=run, engine=FakeEngine(), holdout=0.5)
    data = ModelCard.load(run / "README.md").data
    header = data.to_dict()
    assert header["library_name"] == "torch-inception"
    assert header["pipeline_tag"] == "image-classification"
    tested = table(run / "predictions.csv")
    answers = [row["label"] for row in tested], [row["prediction"] for row in tested]
    assert data.eval_results is not None
    assert data.model_name == "colours"
    figures = {each.metric_type: each.metric_value for each in data.eval_results}
    assert figures == {
        "accuracy": pytest.approx(accuracy_score(*answers), abs=1e-6),
        "f1": pytest.approx(f1_score(*answers, average="macro"), abs=1e-6),
    }
    count = f"(N={len(tested)})"
    assert {each.metric_name for each in data.eval_results} == {
        f"Accuracy {count}", f"Macro F1 {count}",
    }  # fmt: skip
    (task,) = {(r.task_type, r.dataset_name, r.dataset_split) for r in data.eval_results}
    assert task == ("image-classification", "colours", "test")
    assert set(header["metrics"]) == set(figures)


@pytest.mark.parametrize(("holdout", "is_large"), [("0.3", False), ("0.5", True)])
def test_it_tells_what_the_run_is(
    train: TrainCommand, run: Path, holdout: str, is_large: bool
) -> None:
    train("--resize", "pad", "--group", r"(\d\d)\.png", "--holdout", holdout)
    card = card_of(run)
    parts = [row["split"] for row in table(run / "splits.csv")]
    assert f"{parts.count('train')} images of colours, " in card
    assert (parts.count("test") >= 50) == is_large
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    counts = {
        label: [
            sum(row["label"] == label and row["split"] == part for row in table(run / "splits.csv"))
            for part in ("train", "test")
        ]
        for label in ("blue", "green", "red")
    }
    for label, (trained, tested) in counts.items():
        # Of a test part under 50 images, the images that were left out say more.
        judged = tested if is_large else trained
        assert f"| {label} | {trained} | {judged} | 100.0% (" in card
    assert f"- test images: 100.0% (N={parts.count('test')}), 95% interval " in card
    (left_out,) = re.findall(r"- training images, each left out in turn: .*\(N=(\d+)\)", card)
    assert int(left_out) == metrics["leave_one_out"]["n"]
    groups = metrics["test"]["groups"]
    assert f"; these are only {groups} groups of images that belong together\\: the" in card
    assert "\n- resize: pad\n" in card
    assert "\n- group: \\(\\\\d\\\\d\\)\\\\\\.png\n" in card


def test_where_nothing_is_tested_there_is_no_such_figure(train: TrainCommand, run: Path) -> None:
    train("--holdout", "0")
    assert "model-index" not in ModelCard.load(run / "README.md").data.to_dict()
    assert "Both are of the training images, each left out in turn" in card_of(run)
    assert "- test images: n/a (N=0)\n" in card_of(run)


def test_no_path_of_the_machine_is_in_it(colours: Path, run: Path, tmp_path: Path) -> None:
    record = dataclasses.replace(FAKE_RECORD, source=str(tmp_path / "secret" / "own.pth"))
    train_classifier(
        colours / ".." / "colours", output=run, engine=FakeEngine(record), resize="crop"
    )
    card = card_of(run)
    assert "own\\.pth fake" in card
    assert str(tmp_path) not in card.replace("\\", "")
    assert "secret" not in card
    assert str(run.name) not in card.split("# colours")[0]


def test_hostile_names_are_shown_and_never_obeyed(colours: Path, run: Path, tmp_path: Path) -> None:
    data = tmp_path / 'a: "b"\n---\n<i>'
    colours.rename(data)
    for folder, name in zip(sorted(data.iterdir()), HOSTILE, strict=False):
        folder.rename(data / name.replace("/", "\u2215"))
    train_classifier(data, output=run, engine=FakeEngine())
    card = card_of(run)
    assert ModelCard.load(run / "README.md").data.model_name == 'a: "b"\\n---\\n<i>'
    text = card.split("\n---\n", 1)[1]
    assert all(character.isprintable() or character == "\n" for character in card)
    shown = text.rpartition("<!--")[0].replace("\\<", "")
    assert "<" not in shown
    # A line per class, with five cells, and none of a name's own making.
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert\(1\)\<\/script\>"),
        ("two\nlines", r"two\\nlines"),
        ("a|b `c` [d](e)", r"a\|b \`c\` \[d\]\(e\)"),
        ("\u202egnp.exe", r"\\u202egnp\.exe"),
        ("*a* _b_ ~c~ $d$ #1 @e f:g", r"\*a\* \_b\_ \~c\~ \$d\$ \#1 \@e f\:g"),
        ("\u732b-1", "\u732b-1"),
    ],
)
def test_punctuation_is_escaped(name: str, escaped: str) -> None:
    assert markdown(name) == escaped


def test_a_persons_own_text_stays(train: TrainCommand, run: Path) -> None:
    run.mkdir(parents=True)
    (run / "README.md").write_text("mine")
    status, out, _ = train()
    assert status == 0
    assert card_of(run) == "mine"
    assert f"{run / 'README.md'} is not as a run left it, and stays." in out
    assert train("--overwrite", "--quiet")[0] == 0
    assert card_of(run) == "mine"


def test_a_card_is_replaced_unless_somebody_has_changed_it(train: TrainCommand, run: Path) -> None:
    train()
    first = card_of(run)
    train("--resize", "pad")
    second = card_of(run)
    assert second != first
    assert "resize: pad" in second
    changed = second.replace("## Limits", "## Limits\n\n- Not for cats.")
    (run / "README.md").write_text(changed, encoding="utf-8")
    _, out, _ = train()
    assert card_of(run) == changed
    assert "is not as a run left it" in out
    (run / "README.md").unlink()
    train()
    assert "resize" not in card_of(run)

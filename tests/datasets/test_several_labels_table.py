"""Tables of images that may have several labels: what is understood, and what is told of it."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy
import pytest

from torch_inception.config import TrainConfig, make_config
from torch_inception.datasets.dataset import Dataset, class_table, tell_of_unused
from torch_inception.datasets.load_dataset import load_dataset
from torch_inception.errors import DatasetError

NAMES = ("1.jpg", "2.jpg", "3.jpg", "4.jpg")


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make four files, and have the test run beside them."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        Path(name).write_bytes(name.encode())


def load(content: str, name: str = "labels.csv", **settings: str) -> Dataset:
    Path(name).write_text(content, encoding="utf-8")
    return load_dataset(make_config(TrainConfig, {"labels": name, **settings}, origin="test"))


def marks_of(dataset: Dataset) -> dict[str, list[int]]:
    """Return, by name of the file, what is known of each class."""
    assert dataset.several is not None
    texts = [dataset.label_texts[target] for target in dataset.targets]
    marks = dataset.several.marks(texts).tolist()
    return dict(zip([path.name for path in dataset.paths], marks, strict=True))


EXPECTED = {"1.jpg": [1, 0], "2.jpg": [1, 1], "3.jpg": [0, 0], "4.jpg": [-1, 0]}
"""cat; cat and dog; none of them; maybe a cat, and no dog."""


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        ("path,labels\n1.jpg,cat\n2.jpg,cat|dog\n3.jpg,\n4.jpg,?cat\n", {}),
        ("path,labels\n1.jpg,cat | \n2.jpg,dog| cat|cat\n3.jpg,\n4.jpg, ? cat |?\n", {}),
        (
            "path;label\n1.jpg;cat\n2.jpg;cat,dog\n3.jpg;\n4.jpg;?cat\n",
            {"label_delimiter": ","},
        ),
        ("path,cat,dog,size\n1.jpg,1,0,12\n2.jpg,1,1,7\n3.jpg,0,0,1\n4.jpg,,0,9\n", {}),
        ("path,cat,dog\n1.jpg,true,False\n2.jpg,TRUE,1\n3.jpg,0,0\n4.jpg,,0\n", {}),
        ("path,cat,dog\n1.jpg,1.0,0\n2.jpg,1.0,1\n3.jpg,0.0,0\n4.jpg,,0\n", {}),
    ],
)
def test_the_same_labels_in_several_forms(content: str, settings: dict[str, str]) -> None:
    dataset = load(content, **settings)
    assert dataset.classes == ["cat", "dog"]
    assert marks_of(dataset) == EXPECTED
    assert dataset.counts() == {"cat": 2, "dog": 1}
    assert "2 classes" in class_table(dataset)


def test_whatever_stands_between_labels_a_run_writes_them_as_it_reads_them() -> None:
    table = "path,label\n1.jpg,cat\n2.jpg,cat;dog\n3.jpg,\n"
    assert "cat|dog" in load(table, label_delimiter=";").label_texts
    with pytest.raises(DatasetError, match=r"a label with '\|' in it .line 5"):
        load(f"{table}4.jpg,a|b\n", label_delimiter=";")


def test_lists_and_data_frames_have_several_too() -> None:
    lists: list[Any] = [["cat"], ["cat", "dog"], [], ["?cat"]]
    lines = [json.dumps({"path": n, "label": each}) for n, each in zip(NAMES, lists, strict=True)]
    assert marks_of(load("\n".join(lines), "labels.jsonl")) == EXPECTED
    pairs = list(zip(NAMES, lists, strict=True))
    assert marks_of(load_dataset(TrainConfig(data="(images given in Python)"), pairs)) == EXPECTED
    for kind in (set, frozenset, tuple, numpy.array):
        pairs = [(name, kind(each)) for name, each in zip(NAMES, lists, strict=True)]
        assert (
            marks_of(load_dataset(TrainConfig(data="(images given in Python)"), pairs)) == EXPECTED
        )
    nothing = float("nan")
    columns = {"path": NAMES, "cat": [1, 1, 0, nothing], "dog": [False, True, 0.0, 0]}
    assert marks_of(load_dataset(TrainConfig(data="(images given in Python)"), columns)) == EXPECTED


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "path,labels\n1.jpg,cat\n2.jpg,cat|dog\n3.jpg,\n",
            "labels: an image may have several: the column 'labels' of labels.csv, with '|' "
            "between them; an empty cell has none of the classes, and ?NAME says that NAME is "
            "unknown (0 such marks)",
        ),
        (
            "path,labels\n1.jpg,cat\n2.jpg,?dog\n",
            "labels: one per image, since no cell of the column 'labels' has '|' in it. If images "
            "may have several or none: --label-delimiter '|'",
        ),
        (
            "path,cat,dog\n1.jpg,1,0\n2.jpg,0,1\n",
            "labels: an image may have several: labels.csv has a column of 1, 0 or nothing "
            "(unknown: 0 cells) for each of 2 classes: 'cat', 'dog'",
        ),
    ],
)
def test_what_was_understood_is_told(
    content: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    load(content)
    assert said in caplog.messages


@pytest.mark.parametrize(
    ("cells", "bad"),
    [
        (
            ["1", "-1", "-1", "0", "-1", "-1"],
            "'-1' in line 3, '-1' in line 4, '-1' in line 6 and 1 more",
        ),
        (["-1.0", "1.0", "-1.0", ""], "'-1.0' in line 2, '-1.0' in line 4"),
        (["yes", "no", "1", "No"], "'yes' in line 2, 'no' in line 3, 'No' in line 5"),
        (["1", "NaN", "NaN", "NaN"], "'NaN' in line 3, 'NaN' in line 4, 'NaN' in line 5"),
    ],
)
def test_a_column_that_is_meant_as_a_class_is_not_dropped(cells: list[str], bad: str) -> None:
    for number in range(len(cells)):
        Path(f"{number}.jpg").touch()
    rows = [f"{n}.jpg,{n % 2},{cell}\n" for n, cell in enumerate(cells)]
    with pytest.raises(DatasetError) as caught:
        load("".join(["path,cat,dog\n", *rows]))
    assert str(caught.value) == (
        f"labels.csv: the column 'dog' has {bad}, and a class has 1 (the image has it), 0 (it has "
        "not) or an empty cell (unknown). Mend it; if it is no class, leave it out."
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            "-1 -1 1 -1", "-1 1 -1 -1",
            "'cat' has '-1' in line 2, '-1' in line 3, '-1' in line 5, and a class has 1 (the "
            "image has it), 0 (it has not) or an empty cell (unknown) (it is so in 1 other column, "
            "too)",
        ),
        (
            "yes no no yes", "a b c d",
            "'cat' has 'yes' in line 2, 'no' in line 3, 'no' in line 4 and 1 more, and a class "
            "has 1 (the image has it), 0 (it has not) or an empty cell (unknown)",
        ),
    ],
)  # fmt: skip
def test_columns_that_could_be_classes_are_told_where_there_are_no_labels(
    first: str, second: str, said: str
) -> None:
    cells = zip(NAMES, first.split(), second.split(), strict=True)
    with pytest.raises(DatasetError) as caught:
        load("".join(["path,cat,dog\n", *(f"{','.join(row)}\n" for row in cells)]))
    assert str(caught.value) == (
        "labels.csv has no column of labels (label, labels). Its columns are 'path', 'cat', 'dog'. "
        "Rename what is meant, or name it: --label-column NAME. If each class has a column of its "
        f"own: the column {said}."
    )


@pytest.mark.parametrize(
    ("cells", "is_warned"),
    [
        ("1 2 3 4", False), ("yes no no yes", True), ("-1 -1 -1 -1", True), ("1 dog 0.7 x", False),
        ("a b c d", False), ("id1 id2 id3 id4", False), ("0 12 13 14", False),
    ],
)  # fmt: skip
def test_a_column_that_may_be_a_class_is_warned_of(
    cells: str, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows = [f"{n}.jpg,{n % 2},{cell}\n" for n, cell in enumerate(cells.split(), start=1)]
    assert load("".join(["path,cat,more\n", *rows])).classes == ["cat"]
    assert "labels.csv: columns that are not used: 'more'" in caplog.messages
    warned = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(warned) == is_warned
    for line in warned:
        assert "the column 'more' has" in line
        assert "a class has 1 (the image has it), 0 (it has not) or an empty cell" in line
        assert "not used" in line


def test_the_folder_of_a_runs_paths_is_asked_for() -> None:
    Path("runs").mkdir()
    header = "path,label,split,group,sha256\n"
    content = f"{header}1.jpg,cat,train,,0\n2.jpg,dog,train,,1\n"
    with pytest.raises(DatasetError, match=r"no such file in runs \(.*: --data FOLDER\) \(lines 2"):
        load(content, "runs/splits.csv")
    assert load(content, "runs/splits.csv", data=".").classes == ["cat", "dog"]


def test_one_label_per_image_means_what_it_did() -> None:
    dataset = load("path,labels\n1.jpg,cat\n2.jpg,?dog\n")
    assert (dataset.label_texts, dataset.several) == (["?dog", "cat"], None)
    # A column of labels wins over columns of numbers.
    assert load("path,label,new\n1.jpg,cat,1\n2.jpg,dog,0\n").several is None


def test_files_that_are_not_used_are_counted_and_not_their_labels(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    dataset = load("path,labels\n1.jpg,cat\n2.jpg,cat|dog\n3.jpg,\n4.jpg,?cat\n")
    tell_of_unused(dataset, [path for path in dataset.paths if path.name == "2.jpg"])
    assert "used: 1 of 4 files (cat 1 of 2)" in caplog.messages


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("path,labels\n1.jpg,cat|?cat\n2.jpg,dog\n", "'cat' is there, and is unknown too .line 2"),
        ("path,labels\n1.jpg,cat|dog\n2.jpg, ? \n", "names no class: write .NAME .line 3"),
        ("path,labels\n1.jpg,cat|dog\n2.jpg,?| ?|\n", "names no class: write .NAME .line 3"),
        ("path,labels\n1.jpg,cat|dog\n2.jpg,cat\n", "every image of which it is known has .*'cat'"),
        ("path,labels\n1.jpg,cat|dog\n2.jpg,?cow\n", "no image of which it is known has .*'cow'"),
        ("path,cat,dog\n1.jpg,1,0\n2.jpg,0,2\n3.jpg,0,1\n4.jpg,1,0\n", "column 'dog'.*line 3"),
        ("path,a|b,dog\n1.jpg,1,0\n2.jpg,0,1\n", "a column of 1 and 0 is called 'a|b'"),
        ("path,?a,dog\n1.jpg,1,0\n2.jpg,0,1\n", "a column of 1 and 0 is called '.a'"),
        ("path,dog,dog\n1.jpg,1,0\n2.jpg,0,1\n", "has 'dog' twice among its columns"),
        ("path,size\n1.jpg,5\n2.jpg,7\n", "has no column of labels .label, labels"),
        ("path,cat\n1.jpg,oui\n2.jpg,non\n", "a column of its own: a class has 1 .the image has"),
        ("path,labels\n1.jpg,cat|dog\n1.jpg,cat\n", "another label of the same file"),
    ],
)
def test_what_cannot_be_learnt_from_is_told(content: str, complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        load(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("path,labels\n1.jpg,cat|?dog\n2.jpg,cat|dog\n3.jpg,?cat | ?\n4.jpg,\n", "(2 such marks)"),
        ("path,labels\n1.jpg,cat\n2.jpg,cat|dog\n3.jpg,\n", "(0 such marks)"),
        ("path,cat,dog\n1.jpg,1,\n2.jpg,1,1\n3.jpg,0,0\n", "(unknown: 1 cell)"),
    ],
)
def test_what_is_unknown_is_counted(
    content: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    load(content)
    (line,) = [line for line in caplog.messages if line.startswith("labels: ")]
    assert told in line


@pytest.mark.parametrize(
    "content",
    [
        "path,labels\n1.jpg,cat|dog\n2.jpg,cat\n3.jpg,None\n",
        "path,cat,none\n1.jpg,1,0\n2.jpg,0,1\n",
    ],
)
def test_no_class_is_called_as_if_there_was_none(content: str) -> None:
    with pytest.raises(DatasetError, match=r"a class '[nN]one', which would read as if .* empty"):
        load(content)

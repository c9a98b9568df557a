"""Labels from a table, a list or a data frame: taken whole, or told what is wrong, by line."""

import csv
import io
import json
import logging
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from torch_inception.commands.train import main
from torch_inception.config import FROM_PYTHON, TrainConfig, make_config
from torch_inception.datasets.dataset import Dataset, read_dataset
from torch_inception.datasets.label_table import LONGEST_LINE
from torch_inception.datasets.load_dataset import load_dataset
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.training.train_classifier import train_classifier


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make photos/ with two files per class, and have the test run beside it."""
    monkeypatch.chdir(tmp_path)
    for name in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(name.encode())
    return tmp_path / "photos"


def load(content: str | bytes, name: str = "labels.csv", **settings: str) -> Dataset:
    """Write a table and load it; its paths are relative to photos/ unless told otherwise."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_dataset(
        make_config(TrainConfig, {"data": "photos", "labels": name, **settings}, origin="test")
    )


def content_of(dataset: Dataset) -> list[tuple[str, str]]:
    return [
        (path.as_posix(), dataset.label_texts[target])
        for path, target in zip(dataset.paths, dataset.targets, strict=True)
    ]


FOUR = [
    ("photos/cat/1.jpg", "cat"), ("photos/cat/2.jpg", "cat"),
    ("photos/dog/1.jpg", "dog"), ("photos/dog/2.jpg", "dog"),
]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        "path,label\ncat/1.jpg,cat\ncat/2.jpg,cat\ndog/1.jpg,dog\ndog/2.jpg,dog\n",
        "label,path\r\ncat,cat/1.jpg\r\n\r\ncat,cat/2.jpg\r\ndog,dog/1.jpg\r\ndog,dog/2.jpg",
        "\ufefffile_name;label\ncat/1.jpg;cat\ncat/2.jpg;cat\ndog/1.jpg;dog\ndog/2.jpg;dog\n",
        "fname\tlabels\ncat/1.jpg\tcat\ncat/2.jpg\tcat\ndog/1.jpg\tdog\ndog/2.jpg\tdog\n",
        '"Filename", "Label"\n"cat/1.jpg", "cat"\ncat/2.jpg, cat \n'
        ' dog/1.jpg,dog\n"dog/2.jpg",dog\n,,\n',
        '"image";"label"\n"dog/2.jpg";"dog"\ndog/1.jpg;dog\n"cat/2.jpg";"cat"\ncat/1.jpg;cat',
        # A comma in the name of a column is none between columns.
        "path;label;a, b, c, d\ncat/1.jpg;cat\ncat/2.jpg;cat\ndog/1.jpg;dog\ndog/2.jpg;dog\n",
    ],
)
def test_a_table_gives_what_the_folder_gives(content: str) -> None:
    dataset = load(content)
    assert content_of(dataset) == content_of(read_dataset(Path("photos"))) == FOUR
    assert (dataset.folder, dataset.label_texts) == (Path("photos"), ["cat", "dog"])
    assert (list(dataset.parts), list(dataset.groups)) == ([], [])


def test_json_lines_hold_one_object_per_image() -> None:
    rows: list[dict[str, Any]] = [
        {"path": "cat/1.jpg", "label": 7}, {"label": ["7"], "path": "cat/2.jpg", "more": {"x": 1}},
        {"path": "dog/1.jpg", "label": "dög"}, {"path": "dog/2.jpg", "label": "dög"},
    ]  # fmt: skip
    content = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    dataset = load("\ufeff" + content, "labels.jsonl")
    assert dataset.label_texts == ["7", "dög"]
    assert dataset.targets == [0, 0, 1, 1]


def test_keys_of_json_lines_count_wherever_they_occur(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows: list[dict[str, Any]] = [
        {"path": "cat/1.jpg", "note": "x"},
        {"path": "dog/1.jpg", "What": "dog", "more": 1},
        {"path": "cat/2.jpg", "What": "cat", "Split": "test", "group": "g"},
        {"path": "dog/2.jpg", "What": "dog", "Split": "train"},
    ]
    with pytest.raises(DatasetError, match="is not used: no label .line 1;"):
        load("\n".join(map(json.dumps, rows)), "labels.jsonl", label_column="What")
    rows[0]["What"] = "cat"
    dataset = load("\n".join(map(json.dumps, rows)), "labels.jsonl", label_column="What")
    assert [path for path, _ in content_of(dataset)] == [
        *("photos/cat/1.jpg", "photos/cat/2.jpg", "photos/dog/1.jpg", "photos/dog/2.jpg")
    ]
    assert list(dataset.parts) == [None, "test", None, "train"]
    assert list(dataset.groups) == ["", "g", "", ""]
    assert "labels.jsonl: columns that are not used: 'note'" in caplog.messages


def test_paths_are_looked_for_in_the_data_folder_then_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "tables" / "dog").mkdir(parents=True)
    for name in ("tables/dog/1.jpg", "tables/dog/3.jpg"):
        (tmp_path / name).touch()
    content = (
        f"path,label\ncat/1.jpg,cat\n{tmp_path}/photos/cat/2.jpg,cat\ndog/1.jpg,dog\ndog/3.jpg,dog"
    )
    assert [path for path, _ in content_of(load(content, "tables/labels.csv"))] == [
        f"{tmp_path}/photos/cat/2.jpg", "photos/cat/1.jpg", "photos/dog/1.jpg", "tables/dog/3.jpg",
    ]  # fmt: skip


def test_without_a_data_folder_paths_are_relative_to_the_table(tmp_path: Path) -> None:
    (tmp_path / "photos" / "labels.csv").write_text("path,label\ncat/1.jpg,a\ndog/1.jpg,b\n")
    config = TrainConfig(labels="photos/labels.csv")
    assert [path for path, _ in content_of(load_dataset(config))] == [
        "photos/cat/1.jpg",
        "photos/dog/1.jpg",
    ]
    assert config.output_folder == Path("runs/labels")
    # The name of the default folder counts as any other, where it is written.
    draw_colours(tmp_path / "training_dataset", count=1)
    for name in ("photos/cat/1.jpg", "photos/dog/1.jpg"):
        (tmp_path / "training_dataset" / name).parent.mkdir(parents=True)
        (tmp_path / "training_dataset" / name).touch()
    (tmp_path / "labels.csv").write_text("path,label\nphotos/cat/1.jpg,a\nphotos/dog/1.jpg,b\n")
    for data, place in (("", ""), ("training_dataset", "training_dataset/")):
        config = TrainConfig(data=data, labels="labels.csv")
        assert [path for path, _ in content_of(load_dataset(config))] == [
            f"{place}photos/cat/1.jpg",
            f"{place}photos/dog/1.jpg",
        ]
        assert config.output_folder == Path("runs", Path(place or "labels").name)
    assert TrainConfig(data="photos", labels="x.csv").output_folder == Path("runs/photos")


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("split", ["train", "Valid", "TEST", "test"], ["train", "validation", "test", "test"]),
        ("split", ["train", "val", "train", "validation"], ["train", "validation"] * 2),
        ("is_valid", ["False", "true", "0", "1"], ["train", "validation"] * 2),
    ],
)
def test_a_column_gives_the_split(
    column: str, values: Sequence[str], expected: Sequence[str], photos: Path
) -> None:
    (photos / "dog" / "0.jpg").touch()
    names = ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg", "dog/0.jpg")
    rows = "".join(f"{n},{n[:3]},{v}\n" for n, v in zip(names, [*values, values[0]], strict=True))
    dataset = load(f"path,label,{column}\n{rows}")
    of_path = dict(zip([path for path, _ in content_of(dataset)], dataset.parts, strict=True))
    assert [of_path[f"photos/{name}"] for name in names] == [*expected, expected[0]]


def test_a_row_may_have_no_part(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows = "cat/1.jpg,cat,\ncat/2.jpg,cat,test\ndog/1.jpg,dog,\ndog/2.jpg,dog,test\n"
    dataset = load(f"path,label,split\n{rows}")
    assert dataset.parts == [None, "test", None, "test"]
    assert "split: given by labels.csv: 0 train, 0 validation, 2 test" in caplog.messages


def test_a_column_gives_the_groups() -> None:
    rows = "dog/1.jpg,dog,p 2\ncat/1.jpg,cat,7\ncat/2.jpg,cat,\ndog/2.jpg,dog,7\n"
    assert load(f"path,label,group\n{rows}").groups == ["7", "", "p 2", "7"]


def test_other_columns_can_be_named_and_all_others_are_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    content = "Where,path,What,label\ncat/1.jpg,x,a,y\ndog/1.jpg,x,b,y\n"
    dataset = load(content, path_column="Where", label_column="What")
    assert content_of(dataset) == [("photos/cat/1.jpg", "a"), ("photos/dog/1.jpg", "b")]
    assert "labels.csv: columns that are not used: 'path', 'label'" in caplog.messages


def test_paths_of_windows_are_taken_unless_a_file_has_that_name(photos: Path) -> None:
    (photos / "cat\\2.jpg").touch()
    content = "path,label\ncat\\1.jpg,cat\ncat\\2.jpg,cat\ndog\\1.jpg,dog\n"
    assert [path for path, _ in content_of(load(content))] == [
        "photos/cat/1.jpg", "photos/cat\\2.jpg", "photos/dog/1.jpg",
    ]  # fmt: skip
    with pytest.raises(DatasetError, match=r"no such file .* the first: 'cat\\\\3.jpg'"):
        load("path,label\ncat\\3.jpg,cat\n")


def test_spaces_around_a_label_are_removed_but_in_what_a_run_has_written() -> None:
    rows = [
        *((f"cat/{n}.jpg", " cat ") for n in (1, 2)),
        *((f"dog/{n}.jpg", "dog ") for n in (1, 2)),
    ]
    by_people = "".join(f"{path}, {label} \n" for path, label in rows)
    assert load(f"path,label\n{by_people}").label_texts == ["cat", "dog"]
    by_a_run = "".join(f"{path},{label},train,,00\n" for path, label in rows)
    assert load(f"path,label,split,group,sha256\n{by_a_run}").label_texts == [" cat ", "dog "]


def test_everything_that_is_wrong_is_told_at_once_with_its_lines(photos: Path) -> None:
    (photos / "cat" / "3.jpg").touch()
    wrong = [
        "path,label,split",
        "cat/1.jpg,cat,",
        "cat/9.jpg,cat,",  # line 3: no such file
        "",
        "cat/2.jpg, ,",  # 5: no label
        "cat/../cat/1.jpg,cat,",  # 6: the same file as in line 2
        "cat/1.jpg,dog,",  # 7: and another label of it
        ",dog,",  # 8: no path
        '"dog/1\n.jpg",dog,',  # 9 and 10: no such file
        "dog/1.jpg,dog,holdout",  # 11: an unknown part
        "a, b.jpg,dog,,train",  # 12: more cells than columns
        "dog/2.jpg,dog",
        f"cat/3.jpg,{'x' * 1001},",  # 14: too long
        "dog/1.jpg",  # 15: no label
        *[f"gone/{number}.jpg,dog," for number in range(11)],  # 16 to 26: no such file
    ]
    with pytest.raises(DatasetError) as caught:
        load("\n".join(wrong))
    assert str(caught.value) == (
        "labels.csv is not used: "
        "no such file in photos or the current folder (lines 3, 9, 16, 17, 18, 19, 20, 21, 22, 23 "
        "and 3 more; the first: 'cat/9.jpg'); "
        "no label (lines 5, 15; the first: ''); "
        f"the same file again (lines 2 and 6; the first: '{photos}/cat/1.jpg'); "
        f"another label of the same file (lines 2 and 7; the first: '{photos}/cat/1.jpg'); "
        "no path (line 8; the first: ''); "
        "a part that is none of train, val, valid, validation, test (line 11; the first: "
        "'holdout'); "
        "more cells than columns (line 12; the first: 'a'); "
        f"a label of more than 1000 characters (line 14; the first: '{'x' * 199}...). "
        "Mend it and run again."
    )


@pytest.mark.parametrize("several", ["cat|dog", "cat| dog"])
def test_a_label_in_a_column_of_one_may_have_the_sign_in_it(
    several: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    dataset = load(f"fname,label\ncat/1.jpg,cat\ncat/2.jpg,{several}\n")
    assert (dataset.label_texts, dataset.several) == (["cat", several], None)
    (line,) = [line for line in caplog.messages if line.startswith("labels: ")]
    assert "one per image" in line
    assert "--label-delimiter '|'" in line


def a_zip() -> bytes:
    stream = io.BytesIO()
    zipfile.ZipFile(stream, "w").writestr("xl/workbook.xml", "<workbook/>")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"\n \n", "a.csv is empty"),
        ("a.csv", b"path,label\n", "needs at least two labels and has no rows"),
        ("a.csv", b"path,label\ncat/1.jpg,cat\n", "needs at least two labels and has only 'cat'"),
        (
            "a.csv",
            b"cat/1.jpg;cat\n",
            "has no column of paths .path, file_name, fname, image, filename. and no column of "
            "labels .label, labels.. Its columns are 'cat/1.jpg', 'cat'. Rename what is meant, or "
            "name it: --path-column NAME --label-column NAME",
        ),
        (
            "a.csv",
            b"path,class\n",
            "has no column of labels .label, labels.. Its columns are 'path',",
        ),
        ("a.csv", b"path,label,Path\n", "has 'path' twice among its columns"),
        ("a.csv", b"path,label\ncat/1.jpg,caf\xe9\n", "line 2 is not UTF-8 text"),
        ("a.csv", "path,label\n".encode("utf-16"), "line 1 is not UTF-8 text"),
        (
            "a.csv",
            b"path,label\n" + b"x" * (LONGEST_LINE + 1),
            "line 2 has more than 100,000 bytes",
        ),
        (
            "a.csv",
            b'path,label\n\ncat/1.jpg,"cat\ndog/1.jpg,dog\n',
            "begins in line 3 cannot be read",
        ),
        ("a.csv", b'path,label\ncat/1.jpg,"cat"x\n', "begins in line 2 cannot be read"),
        ("a.csv", b"path,label\rcat/1.jpg,cat\r", "its first line cannot be read .new-line"),
        (
            "a.csv",
            b"path,label\n\0,cat\n",
            r"no such file in photos or .* .line 2; the first: '\\x00'",
        ),
        ("a.csv", b'[{"path": "a", "label": "b"}]', "Write one object per line, and call the file"),
        ("a.xlsx", a_zip(), "a.xlsx is a ZIP archive or an office document. Save the table as CSV"),
        ("a.jsonl", b'[{"path": "a"}]', 'line 1 is not an object such as {"path"'),
        ("a.jsonl", b"path,label\n", "line 1 is not JSON"),
        ("a.jsonl", b'{"path": "a", "label": "b"}\n{"path"\n', "line 2 is not JSON"),
        ("a.jsonl", b"[" * 90_000, "line 1 is not JSON"),
        ("a.jsonl", b'{"path": 1' + b"0" * 9999 + b"}", "line 1 is not JSON"),
        ("a.jsonl", rb'{"path": "a", "label": "\ud800"}', "half a character .line 1; the first: '"),
        ("a.jsonl", rb'{"path": "\ud800", "label": "a"}', "no such file in photos or .* .line 1"),
        ("a.jsonl", b'{"path": 3, "label": "b"}', "no path .line 1; the first: 3."),
    ],
)
def test_what_is_no_table_is_an_error_and_no_crash(
    name: str, content: bytes, complaint: str
) -> None:
    with pytest.raises(DatasetError, match=complaint):
        load(content, name)


@pytest.mark.parametrize("name", ["missing.csv", "photos", "a\0b"])
def test_a_table_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(DatasetError, match="there is no table "):
        load_dataset(TrainConfig(labels=name))


def test_a_data_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(DatasetError, match="there is no folder missing"):
        load("path,label\ncat/1.jpg,cat\ndog/1.jpg,dog\n", data="missing")


def runs_of_colours(run: Path) -> list[dict[str, str]]:
    with (run / "splits.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def rows() -> list[tuple[str, str]]:
    """Draw images in colours/ that no folder sorts; give their paths and labels."""
    draw_colours(Path("sorted"), count=8)
    Path("colours").mkdir()
    rows = []
    for path in sorted(Path("sorted").glob("*/*")):
        path.rename(Path("colours") / path.name)
        rows.append((f"colours/{path.name}", path.parent.name))
    return rows


def test_a_run_with_a_table_is_complete_and_its_settings_give_it_again(
    rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("labels.csv").write_text("path,label,note\n" + "".join(f"{p},{c},x\n" for p, c in rows))
    # Results may lie among the images here: they become no class.
    flags = ["--data", "colours", "--labels", "labels.csv", "--output", "colours/run"]
    assert main([*flags, "--views", "2"], engine=FakeEngine()) == 0
    out, _ = capsys.readouterr()
    assert out.splitlines()[:2] == [
        "labels.csv: columns that are not used: 'note'",
        "3 classes in labels.csv, and their files:",
    ]
    first = runs_of_colours(Path("colours/run"))
    assert sorted(row["path"] for row in first) == sorted(Path(p).name for p, _ in rows)
    assert {row["label"] for row in first} == {"red", "green", "blue"}
    config = ["--config", "colours/run/config.toml", "--output", "again"]
    assert main(config, engine=FakeEngine()) == 0
    assert runs_of_colours(Path("again")) == first
    # What a run wrote is a table too.
    table = ["--data", "colours", "--labels", "again/splits.csv", "--output", "third"]
    assert main(table, engine=FakeEngine()) == 0
    parts = [(row["path"], row["split"]) for row in first]
    assert [(row["path"], row["split"]) for row in runs_of_colours(Path("third"))] == parts


def test_the_same_table_by_another_path_keeps_the_split_and_another_does_not(
    rows: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"{path},{label}\n" for path, label in rows)
    for name in ("labels.csv", "others.csv"):
        Path(name).write_text(f"path,label\n{lines}")

    def train(table: str) -> tuple[dict[str, str], bool]:
        assert main(["--labels", table, "--output", "run", "--quiet"], engine=FakeEngine()) == 0
        is_told = "before is not kept, since its settings were others: labels" in (
            capsys.readouterr().err
        )
        return {row["path"]: row["split"] for row in runs_of_colours(Path("run"))}, is_told

    drawn, is_told = train("labels.csv")
    assert not is_told
    # What is kept is told from what is drawn anew by a part that only the run folder has.
    moved = next(path for path, part in drawn.items() if part == "train")
    text = Path("run/splits.csv").read_text()
    Path("run/splits.csv").write_text(
        text.replace(f"{moved},{dict(rows)[moved]},train", f"{moved},{dict(rows)[moved]},test")
    )
    for name in ("./labels.csv", str(tmp_path / "labels.csv")):
        assert train(name) == ({**drawn, moved: "test"}, False)
    assert train("others.csv") == (drawn, True)


def test_a_mistake_in_a_table_leaves_nothing_half_done(
    rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("labels.csv").write_text("path,label\n" + "".join(f"{p},{c}\n" for p, c in rows) + "x,y\n")
    assert main(["--labels", "labels.csv"], engine=FakeEngine()) == 1
    assert capsys.readouterr().err.startswith(
        "error: labels.csv is not used: no such file in the current folder (line 26"
    )
    assert not Path("runs").exists()


class Frame:
    """A data frame as far as it is looked at: columns with names."""

    def __init__(self, **columns: Sequence[object]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Iterator[object]:
        return iter(self._columns[name])


def as_frame(rows: list[tuple[str, str]]) -> object:
    parts = ["test" if number % 4 == 0 else numpy.nan for number in range(len(rows))]
    return Frame(path=[Path(p) for p, _ in rows], label=[c for _, c in rows], split=parts)


def as_mapping(rows: list[tuple[str, str]]) -> object:
    parts = numpy.arange(len(rows)) % 4 == 0
    return {"fname": [p for p, _ in rows], "labels": [c for _, c in rows], "is_valid": parts}


def as_pandas(rows: list[tuple[str, str]]) -> object:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows, columns=["path", "label"]).astype({"label": "category"})
    frame["split"] = [("test" if number % 4 == 0 else None) for number in range(len(rows))]
    return frame


@pytest.mark.parametrize("images", [as_frame, as_mapping, as_pandas])
def test_a_data_frame_or_a_mapping_of_columns_is_trained_on(
    images: Callable[[list[tuple[str, str]]], Any], rows: list[tuple[str, str]]
) -> None:
    result = train_classifier(images(rows), engine=FakeEngine())
    assert result.output == Path("runs/images")
    assert result.metrics["test"]["n"] == 6
    tested = {row["path"] for row in runs_of_colours(result.output) if row["split"] == "test"}
    assert tested == {path for path, _ in rows[::4]}


def test_classes_with_spaces_around_their_names_are_the_same_from_the_splits_of_a_run() -> None:
    draw_colours(Path("odd"), count=9)
    Path("odd/red").rename("odd/ red ")
    folder = train_classifier("odd", output="one", engine=FakeEngine())
    table = train_classifier("odd", labels="one/splits.csv", output="two", engine=FakeEngine())
    assert folder.classifier.labels == table.classifier.labels == [" red ", "blue", "green"]
    one, two = (
        [(row["path"], row["label"], row["split"]) for row in runs_of_colours(Path(run))]
        for run in ("one", "two")
    )
    assert one == two


def test_a_list_of_pairs_is_trained_on_and_its_settings_say_that_they_are_not_enough(
    rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    result = train_classifier(((p, c) for p, c in rows), output="run", engine=FakeEngine())
    assert result.classifier.labels == ["blue", "green", "red"]
    assert sorted(row["path"] for row in runs_of_colours(Path("run"))) == sorted(dict(rows))
    assert f'data = "{FROM_PYTHON}"' in Path("run/config.toml").read_text()
    assert main(["--config", "run/config.toml"], engine=FakeEngine()) == 1
    assert capsys.readouterr().err.startswith(
        "error: these are the settings of a training whose images were given in Python"
    )
    # They are enough together with a table of the images.
    flags = ["--config", "run/config.toml", "--data", ".", "--labels", "run/splits.csv"]
    assert main([*flags, "--output", "again"], engine=FakeEngine()) == 0


HUGE = 10**5000
"""More digits than Python writes."""


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (["a.jpg", "b.jpg"], "the list of images: row 0 is 'a.jpg' and not a pair .path, label.."),
        ([("a.jpg", "x", 1)], "row 0 is .* and not a pair"),
        ([{"path": "a", "label": "b"}], "row 0 is .* and not a pair"),
        ([3], "row 0 is 3 and not a pair"),
        (b"photos", "the bytes of images is no data to train on. Give a folder, a list of pairs"),
        ([], "the list of images needs at least two labels and has no rows"),
        ([("photos/cat/1.jpg", 1.5)], "neither text nor a whole number .row 0; the first: 1.5."),
        (
            [("gone", "a"), ("photos/cat/1.jpg", None)],
            "no such file in the current folder .row 0.*no label .row 1",
        ),
        ({"path": ["a"], "label": ["x", "y"]}, "the dict of images has columns of different len"),
        ({"path": ["a"]}, "the dict of images has no column of labels.*name it: label_column"),
        ({"path": 5, "label": ["x"]}, "the dict of images: its column 'path' is 5 and not a list"),
        ({"path": "a.jpg", "label": "x"}, "its column 'path' is 'a.jpg' and not a list"),
        ([(5, "a")], "no path .row 0; the first: 5."),
        (
            [("photos/cat/1.jpg", HUGE)],
            "too many digits .row 0; the first: int that cannot",
        ),
        (
            [("photos/cat/1.jpg", [1, HUGE])],
            "a number of too many digits .row 0; the first: int that cannot be shown",
        ),
        ([HUGE], "row 0 is int that cannot be shown and not a pair"),
        (Frame(where=["a"], label=["x"]), "no column of paths.*Its columns are 'where', 'label'"),
    ],
)
def test_what_is_no_list_of_labelled_images_is_told(images: Iterable[Any], complaint: str) -> None:
    with pytest.raises(DatasetError, match=complaint):
        train_classifier(images, engine=FakeEngine())


def test_what_stands_for_no_images_or_twice_is_a_wrong_setting(rows: list[tuple[str, str]]) -> None:
    nothing: Any = None
    with pytest.raises(ConfigError, match="data = None must be text"):
        train_classifier(nothing)
    with pytest.raises(ConfigError, match="data = '' must name a folder"):
        train_classifier("")
    with pytest.raises(ConfigError, match="labels = 'x.csv' and images in Python are given"):
        train_classifier(rows, labels="x.csv", engine=FakeEngine())


def test_labels_of_numpy_and_whole_numbers_are_text() -> None:
    names = ["photos/cat/1.jpg", "photos/cat/2.jpg", "photos/dog/1.jpg", "photos/dog/2.jpg"]
    labels = [numpy.int64(3), 3.0, numpy.str_("dog"), True]
    dataset = load_dataset(TrainConfig(data=FROM_PYTHON), list(zip(names, labels, strict=True)))
    assert [label for _, label in content_of(dataset)] == ["3", "3", "True", "dog"]

"""Images that belong together: groups that the user names, and near copies."""

import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image

from tests.drawings import draw_frames
from tests.fakes import CountingEngine, FakeEngine
from tests.features.likenesses import angles, likeness_of, random_hashes
from tests.training.labelled_images import image, images_of
from tests.training.runs import TrainCommand, table
from torch_inception.answers.shares import wilson_interval
from torch_inception.audit.audited_data import read_audited
from torch_inception.audit.subject import audit_subject
from torch_inception.commands.train import main
from torch_inception.config import AuditConfig
from torch_inception.errors import ConfigError, DatasetError
from torch_inception.features.near_copies import Likeness
from torch_inception.training.grouping import (
    LabelledImage,
    groups_of,
    named_groups,
    tell_of_named_groups,
)
from torch_inception.training.near_groups import group_rows, join_near_copies
from torch_inception.training.train_classifier import train_classifier
from torch_inception.weights.sources import npm


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Draw 30 fields, four frames each, whose labels carry no information."""
    folder = tmp_path / "frames"
    draw_frames(folder, seed=3)
    return folder


def field_of(path: str) -> str:
    return path.rpartition("/")[2].partition("_")[0]


def parts_by_field(run: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in table(run / "splits.csv"):
        found[field_of(row["path"])].add(row["split"])
    return found


def sizes(names: Sequence[str]) -> list[int]:
    return sorted(Counter(names).values(), reverse=True)


def test_what_the_pattern_finds_names_the_group(caplog: pytest.LogCaptureFixture) -> None:
    paths = ["a/p1_x.png", "b/deep/p1_y.png", "a/p22.png", "b/other.png", "a/pp.png"]
    assert named_groups(r"p(\d*)[^/]*$", paths) == ["1", "1", "22", "", ""]
    with caplog.at_level(logging.INFO):
        tell_of_named_groups(r"p(\d*)[^/]*$", ["1", "1", "22", "", ""])
    (message,) = caplog.messages
    assert message.startswith(r"groups: 'p(\\d*)[^/]*$' matches 3 of 5 images, in 2 groups")
    # An alternative that takes no part names nothing.
    assert named_groups("^a/(p1)|b", paths) == ["p1", "", "", "", ""]


def test_a_pattern_that_finds_nothing_is_told_with_a_path() -> None:
    with pytest.raises(DatasetError, match=r"in none of 2 images, such as 'a/1\.png'"):
        named_groups("patient(.)", ["a/1.png", "a/2.png"])


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("p[0-9]+", r"has no \(\.\.\.\)"),
        ("(?:p)", r"has no \(\.\.\.\)"),
        ("(p", "is no regular expression: missing"),
    ],
)
def test_a_pattern_that_cannot_name_groups_is_refused(
    pattern: str, complaint: str, train: TrainCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        train("--group", pattern)
    assert stopped.value.code == 2
    assert f"error: group = {pattern!r}" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=complaint):
        train_classifier("data", group=pattern)


def test_of_a_table_it_is_told_that_a_column_can_name_groups(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted(frames.rglob("*.png"))
    labels = tmp_path / "labels.csv"
    rows = [f"{path},{path.parent.name},{field_of(path.name)}\n" for path in paths]
    labels.write_text("".join(["path,label,field\n", *rows]), encoding="utf-8")
    arguments = ["--labels", str(labels), "--output", str(tmp_path / "run")]
    advice = "If a column of the table names the groups, call it 'group'.\n"
    with pytest.raises(SystemExit):
        main([*arguments, "--group", "field"], engine=FakeEngine())
    assert advice in capsys.readouterr().err
    assert main([*arguments, "--group", "(no such)"], engine=FakeEngine()) == 1
    assert advice in capsys.readouterr().err
    assert main(arguments, engine=FakeEngine()) == 0
    assert f"name the subjects: --group. {advice}" in capsys.readouterr().err


@pytest.mark.parametrize("solver", ["lda", "lbfgs"])
def test_a_group_is_in_one_part_and_left_out_together(
    solver: str, frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    flags = ["--group", "(field[0-9]+)_", "--near-duplicates", "ignore", "--solver", solver]
    arguments = ["--data", str(frames), "--output", str(run), *flags]
    assert main(arguments, engine=FakeEngine()) == 0
    assert "matches 120 of 120 images, in 30 groups\n" in capsys.readouterr().out
    parts = parts_by_field(run)
    assert {len(found) for found in parts.values()} == {1}
    assert set.union(*parts.values()) == {"train", "test"} | (
        set() if solver == "lda" else {"validation"}
    )
    # Frames that are added move none, in a folder of results or a new one.
    extra = next(iter((frames / "ill").glob("*_0.png")))
    extra.rename(extra.with_name(f"{field_of(extra.name)}_9.png"))
    for place in (run, tmp_path / "fresh"):
        again = ["--data", str(frames), "--output", str(place), *flags]
        assert main(again, engine=FakeEngine()) == 0
        assert parts_by_field(place) == parts


def test_a_pattern_that_finds_nothing_stops_a_run_or_an_audit_before_images_are_read(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = CountingEngine()
    with pytest.raises(DatasetError, match="in none of 120 images"):
        train_classifier(frames, output=tmp_path / "run", group="(no such)", engine=engine)
    assert not (tmp_path / "run").exists()
    subject = audit_subject(AuditConfig(data=str(frames), group="(no such)"))
    with pytest.raises(DatasetError, match="in none of 120 images"):
        read_audited(subject, engine=engine, progress=False)
    assert engine.images == 0


def test_near_copies_take_the_name_of_one_of_them_and_join_what_is_joined_already() -> None:
    images = [image("a/1.png"), image("a/2.png"), image("b/3.png"), image("b/copy.png", "a/1.png")]
    names = groups_of(images)
    likeness = likeness_of(angles(0, 40, 45, 0), random_hashes(3) + random_hashes(1))
    near_groups = join_near_copies(images, names, likeness)
    assert near_groups[0] == near_groups[3] == names[0]
    assert near_groups[1] == near_groups[2]
    assert near_groups[1] in names[1:3]
    grouped = [each._replace(group="p") if n < 2 else each for n, each in enumerate(images)]
    joined = join_near_copies(grouped, groups_of(grouped), likeness)
    assert set(joined) == {groups_of(grouped)[0]}


def alike(count: int, *, hashes: list[int]) -> tuple[list[LabelledImage], Likeness]:
    """Make a class of 100 images, of which so many have one cosine, and one of 100 more."""
    images = images_of({"a": 100, "b": 100})
    directions = numpy.concatenate([numpy.zeros((200, 2)), numpy.eye(200)], axis=1)
    directions[:count] = numpy.eye(202)[0]
    return images, likeness_of(directions, hashes)


@pytest.mark.parametrize(
    ("count", "size_of_class", "expected"),
    [(20, 100, 20), (21, 200, 21), (21, 100, 1), (40, 200, 40), (41, 200, 1)],
)
def test_the_cosine_alone_joins_no_large_part_of_a_class(
    count: int, size_of_class: int, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    images, likeness = alike(count, hashes=random_hashes(200))
    if size_of_class == 200:
        images = [each._replace(label="a") for each in images]
    with caplog.at_level(logging.INFO):
        near_groups = join_near_copies(images, groups_of(images), likeness)
    assert sizes(near_groups)[0] == expected
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert bool(warned) is (expected == 1)
    if warned:
        assert f"{count} images look much alike" in warned[0].getMessage()
    else:
        assert f"near copies: {count} images in 1 group belong together" in caplog.text


def test_in_a_large_group_the_hash_joins_and_where_that_is_too_much_both_must() -> None:
    hashes = random_hashes(200)
    hashes[:6] = [hashes[0]] * 6
    images, likeness = alike(50, hashes=hashes)
    assert sizes(join_near_copies(images, groups_of(images), likeness))[:2] == [6, 1]
    # 60 of one hash, of which 30 have one cosine.
    hashes[:60] = [hashes[0]] * 60
    images, likeness = alike(30, hashes=hashes)
    assert sizes(join_near_copies(images, groups_of(images), likeness))[:2] == [30, 1]


def test_a_large_group_is_left_as_it_is_named() -> None:
    images, likeness = alike(0, hashes=random_hashes(200))
    images = [each._replace(group=each.label) for each in images]
    assert sizes(join_near_copies(images, groups_of(images), likeness)) == [100, 100]
    # One pair by the cosine alone does not make two large groups one.
    _, likeness = alike(101, hashes=random_hashes(200))
    assert sizes(join_near_copies(images, groups_of(images), likeness)) == [100, 100]


def test_too_many_images_are_not_compared_and_that_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    images, likeness = alike(10, hashes=random_hashes(200))
    assert join_near_copies(images, groups_of(images), likeness, most=199) == groups_of(images)
    assert "among 199 images at most, and these are 200" in caplog.text


def test_a_line_tells_for_each_image_of_a_group_why_it_is_there() -> None:
    images = [
        image("a/1.png"),
        image("a/x_nohash_1.png"),
        image("a/2.png"),
        image("a/x_nohash_2.png"),
        image("b/3.png", "b/3.png"),
        image("b/alone.png"),
        image("b/copy.png", "b/3.png"),
    ]
    names = groups_of(images)
    likeness = likeness_of(angles(0, 30, 5, 60, 85, 45, 85), random_hashes(7))
    near_groups = join_near_copies(images, names, likeness)
    rows = list(group_rows(images, ["train"] * 7, names, near_groups, likeness))
    assert [(row.path, row.reason, row.nearest, row.cosine) for row in rows] == [
        ("a/1.png", "near copy", "a/2.png", 0.9962),
        ("a/2.png", "near copy", "a/1.png", 0.9962),
        ("a/x_nohash_1.png", "name", "", ""),
        ("a/x_nohash_2.png", "name", "", ""),
        ("b/3.png", "content", "b/copy.png", 1.0),
        ("b/copy.png", "content", "b/3.png", 1.0),
    ]
    assert [row.group for row in rows] == [near_groups[n] for n in (0, 2, 1, 3, 4, 6)]


def test_frames_of_one_film_are_in_one_part_by_default_and_listed(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = ["--data", str(frames), "--output", str(run)]
    # All look alike to a network that sees nothing but the mean colour; the hash tells them apart.
    assert main(arguments, engine=FakeEngine()) == 0
    out, err = capsys.readouterr()
    assert "WARNING: near copies: 120 images look much alike" in err
    assert "near copies: 120 images in 30 groups belong together; see groups.csv." in out
    assert "To take each by itself: --near-duplicates ignore\n" in out
    count = "60 images that count as 15, since those that belong together count once"
    advice = "If its near copies are images of their own: --near-duplicates ignore."
    for label in ("ill", "well"):
        unreliable = "under 20, results are unreliable"
        assert f"WARNING: the class '{label}' has {count}; {unreliable}. {advice}\n" in err
    assert {len(found) for found in parts_by_field(run).values()} == {1}
    rows = table(run / "groups.csv")
    assert sizes([row["group"] for row in rows]) == [4] * 30
    assert all(field_of(row["nearest"]) == field_of(row["path"]) for row in rows)
    assert all(int(row["bits"]) <= 8 for row in rows)
    assert main([*arguments, "--near-duplicates", "ignore"], engine=FakeEngine()) == 0
    assert table(run / "groups.csv") == []
    assert max(len(found) for found in parts_by_field(run).values()) > 1
    out, err = capsys.readouterr()
    # The name of the setting stands in the warning of the split.
    assert ("near copies" in out, "near" in err.replace("near_duplicates", "")) == (False, False)


def test_a_new_image_that_joins_two_parts_goes_to_training_and_is_told(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    (colours / "red" / "red_00.png").rename(colours / "red" / "cup_nohash_1.png")
    assert train()[0] == 0
    before = {row["path"]: row["split"] for row in table(run / "splits.csv")}
    before["red/cup_nohash_1.png"] = "test"
    text = (run / "splits.csv").read_text(encoding="utf-8")
    cup = "red/cup_nohash_1.png,red,"
    (run / "splits.csv").write_text(
        text.replace(f"{cup}train", f"{cup}test"), encoding="utf-8", newline=""
    )
    trained = next(path for path, part in before.items() if part == "train" and "red" in path)
    shutil.copy(colours / trained, colours / "red" / "cup_nohash_2.png")
    for _ in range(3):
        err = train()[2]
        assert "WARNING: 3 images in 1 group that belong together" in err
        assert "joined" not in err  # its content is known
        after = {row["path"]: row["split"] for row in table(run / "splits.csv")}
        assert after == {**before, "red/cup_nohash_2.png": "train"}
    with Image.open(colours / trained) as image:
        image.crop((0, 0, image.width, 20)).save(colours / "red" / "cup_nohash_3.png")
    assert "WARNING: 1 new image is joined to images that an earlier run had in" in train()[2]
    assert "joined" not in train()[2]
    joined = dict.fromkeys(("red/cup_nohash_2.png", "red/cup_nohash_3.png"), "train")
    after = {row["path"]: row["split"] for row in table(run / "splits.csv")}
    assert after == {**before, **joined}


def test_images_that_join_two_parts_by_name_and_content_stay_and_are_listed(
    train: TrainCommand, colours: Path, run: Path
) -> None:
    assert train()[0] == 0
    parts = {row["path"]: row["split"] for row in table(run / "splits.csv")}
    trained, tested = (
        next(path for path in parts if parts[path] == part and path.startswith("red/"))
        for part in ("train", "test")
    )
    (colours / trained).rename(colours / "red" / "rose_nohash_1.png")
    assert train()[0] == 0
    (colours / tested).rename(colours / "red" / "rose_nohash_2.png")
    (colours / "red" / "sub").mkdir()
    shutil.copy(colours / "red" / "rose_nohash_2.png", colours / "red" / "sub")
    status, _, err = train()
    assert (status, "WARNING: 3 images in 1 group that belong together" in err) == (0, True)
    rows = {
        row["path"]: row["reason"] for row in table(run / "groups.csv") if "rose" in row["path"]
    }
    assert rows == dict.fromkeys(
        ("red/rose_nohash_1.png", "red/rose_nohash_2.png", "red/sub/rose_nohash_2.png"), "name"
    )
    after = {row["path"]: row["split"] for row in table(run / "splits.csv")}
    assert [after[path] for path in sorted(rows)] == ["train", "test", "test"]
    assert train()[0] == 0
    assert {row["path"]: row["split"] for row in table(run / "splits.csv")} == after


@pytest.mark.real_weights
def test_labels_without_information_are_guessed_no_better_than_by_chance(
    frames: Path, real_cache: Path, tmp_path: Path
) -> None:
    def metrics(**settings: Any) -> dict[str, Any]:  # noqa: ANN401
        result = train_classifier(
            frames, output=tmp_path / "run", weights=npm.SOURCE, holdout=0.3, **settings
        )
        return result.metrics

    torn, whole = metrics(near_duplicates="ignore"), metrics()
    for part in ("test", "leave_one_out"):
        assert torn[part]["accuracy"] > 0.9
        # Frames of a field get one answer: its observations are the fields.
        fields = whole[part]["n"] // 4
        low, high = wilson_interval(round(whole[part]["accuracy"] * fields), fields)
        assert low < 0.5 < high, part
    assert whole["leave_one_out"]["n"] + whole["test"]["n"] == 120


@pytest.mark.parametrize("several", [False, True])
def test_copies_with_two_labels_are_warned_of(
    several: bool, caplog: pytest.LogCaptureFixture
) -> None:
    images = [image("a/1.png"), image("b/2.png"), image("b/3.png"), image("a/4.png")]
    where = "with other labels" if several else "in several classes"
    if several:
        images = [each._replace(labels=(each.label, "c")) for each in images]
    # The first two by hash and cosine; the last two by the cosine alone.
    hashes = [5, 5, *random_hashes(2)]
    with caplog.at_level(logging.WARNING):
        join_near_copies(images, groups_of(images), likeness_of(angles(0, 5, 60, 65), hashes))
    assert [record.getMessage() for record in caplog.records] == [
        f"WARNING: 1 image has a near copy {where}, and a label may be wrong: a/1.png and b/2.png."
    ]


def test_of_copies_with_two_labels_by_the_hash_alone_a_line_tells(
    caplog: pytest.LogCaptureFixture,
) -> None:
    images = [image("a/1.png"), image("b/2.png"), image("b/3.png"), image("b/4.png")]
    hashes = [5, 5, 5, *random_hashes(1)]
    with caplog.at_level(logging.INFO):
        join_near_copies(images, groups_of(images), likeness_of(angles(0, 15, 16, 60), hashes))
    assert [(record.levelname, record.getMessage()) for record in caplog.records][1:] == [
        (
            "INFO",
            "near copies: 1 group has different labels, of which some may be wrong: a/1.png and "
            "b/2.png.",
        )
    ]


@pytest.mark.parametrize(("count", "is_joined"), [(5, True), (6, False)])
def test_the_cosine_alone_joins_no_half_of_a_class(count: int, is_joined: bool) -> None:
    images = images_of({"a": count, "b": 30})
    likeness = likeness_of(
        numpy.eye(40)[[0] * count + list(range(1, 31))], random_hashes(count + 30)
    )
    names = join_near_copies(images, groups_of(images), likeness)
    assert (len(set(names[:count])) == 1) is is_joined

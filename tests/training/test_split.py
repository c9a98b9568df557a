"""Which images are for training, validation and testing, and that they stay there."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.training.labelled_images import image, images_of
from torch_inception.datasets.parts import PARTS, Part
from torch_inception.errors import TorchInceptionError
from torch_inception.training.earlier_split import (
    NO_SPLIT,
    EarlierParts,
    EarlierSplit,
    read_splits,
    split_of,
    write_splits,
)
from torch_inception.training.grouping import LabelledImage, groups_of, leadership
from torch_inception.training.split import split


def three_parts(images: Sequence[LabelledImage], earlier: EarlierSplit = NO_SPLIT) -> list[Part]:
    """Split as for a solver that needs validation images."""
    return split(
        EarlierParts(images, groups_of(images), earlier), holdout=0.1, with_validation=True
    )


def part_of(images: Sequence[LabelledImage], earlier: EarlierSplit = NO_SPLIT) -> dict[bytes, Part]:
    parts = three_parts(images, earlier)
    return {each.digest: part for each, part in zip(images, parts, strict=True)}


def kept(images: Sequence[LabelledImage], parts: Sequence[Part]) -> EarlierSplit:
    """Make what an earlier run says of images whose groups have no names."""
    digests = [each.digest.hex() for each in images]
    return EarlierSplit(dict(zip(digests, parts, strict=True)), {})


def joining(
    images: Sequence[LabelledImage], groups: Sequence[str], earlier: EarlierSplit
) -> list[str]:
    return [images[n].path for n in EarlierParts(images, groups, earlier).joining()]


def class_parts(images: Sequence[LabelledImage], parts: Sequence[Part]) -> dict[str, set[Part]]:
    found: dict[str, set[Part]] = {}
    for each, part in zip(images, parts, strict=True):
        found.setdefault(each.label, set()).add(part)
    return found


def saved(folder: Path, images: Sequence[LabelledImage], parts: Sequence[Part]) -> EarlierSplit:
    write_splits(folder / "splits.csv", images, parts, groups_of(images))
    return split_of(read_splits(folder / "splits.csv"))


def test_about_80_10_10_on_many() -> None:
    parts = three_parts(images_of({"a": 6000, "b": 4000}))
    # Three standard deviations of a share of 10,000 are 0.012 for 80 % and 0.009 for 10 %.
    assert parts.count("train") / 10_000 == pytest.approx(0.8, abs=0.012)
    assert parts.count("validation") / 10_000 == pytest.approx(0.1, abs=0.009)
    assert parts.count("test") / 10_000 == pytest.approx(0.1, abs=0.009)


@pytest.mark.parametrize("holdout", [0.1, 0.25])
def test_without_a_validation_part_its_images_are_for_training(holdout: float) -> None:
    images = images_of({"a": 600, "b": 400, "c": 3, "d": 2})
    two = split(EarlierParts(images, groups_of(images)), holdout=holdout, with_validation=False)
    assert set(two) == {"train", "test"}
    assert two.count("test") / 1005 == pytest.approx(holdout, abs=0.03)
    # The test images are the same ones.
    three = split(EarlierParts(images, groups_of(images)), holdout=holdout, with_validation=True)
    assert [part == "test" for part in two[:1000]] == [part == "test" for part in three[:1000]]
    found = class_parts(images, two)
    assert (found["c"], found["d"]) == ({"train", "test"}, {"train"})


def test_without_a_test_part_every_image_is_for_training_or_validation() -> None:
    images = images_of({"a": 600, "b": 3})
    assert set(
        split(EarlierParts(images, groups_of(images)), holdout=0, with_validation=False)
    ) == {"train"}
    parts = split(EarlierParts(images, groups_of(images)), holdout=0, with_validation=True)
    assert parts.count("validation") / 603 == pytest.approx(0.1, abs=0.04)
    assert class_parts(images, parts)["b"] == {"train", "validation"}


@pytest.mark.parametrize("seed", range(5))
def test_adding_renaming_and_moving_images_moves_no_other(seed: int) -> None:
    old = images_of({"a": 150, "b": 120}, seed=seed)
    before = part_of(old)
    added = [*images_of({"a": 40, "new class": 60}, seed=seed + 100), *old]
    renamed = [each._replace(path=f"{each.label}/sub/renamed {n}") for n, each in enumerate(old)]
    relabelled = [*old[1:], old[0]._replace(path="b/moved.png", label="b")]
    shuffled = random.Random(seed).sample(old, len(old))
    for changed in (added, renamed, relabelled, shuffled):
        after = part_of(changed)
        assert {digest: after[digest] for digest in before} == before


@pytest.mark.parametrize("sizes", [(3, 3), (3, 4, 5), (10, 200), (3, 1, 2, 7), (20,) * 6])
def test_every_class_of_three_or_more_has_one_in_each_part(sizes: Sequence[int]) -> None:
    for seed in range(100):
        images = images_of({f"class {n}": size for n, size in enumerate(sizes)}, seed=seed)
        found = class_parts(images, three_parts(images))
        for number, size in enumerate(sizes):
            assert found[f"class {number}"] == (set(PARTS) if size >= 3 else {"train"})


@pytest.mark.parametrize("holdout", [0.1, 0.5])
def test_every_class_has_something_to_train_on_though_all_of_it_is_shared(holdout: float) -> None:
    for seed in range(300):
        shared = images_of({"a": 3}, seed=seed)
        copies = [each._replace(path=f"b/{n}.png", label="b") for n, each in enumerate(shared)]
        images = [*shared, *copies, *images_of({"c": 3}, seed=seed + 1000)]
        for with_validation in (False, True):
            kept = EarlierParts(images, groups_of(images))
            parts = split(kept, holdout=holdout, with_validation=with_validation)
            assert all("train" in found for found in class_parts(images, parts).values())


def test_shared_images_stay_where_their_content_puts_them() -> None:
    for seed in range(100):
        shared = images_of({"a": 4}, seed=seed)
        copies = [each._replace(path=f"b/{n}.png", label="b") for n, each in enumerate(shared)]
        own = images_of({"a": 3, "b": 3}, seed=seed + 1000)
        found = three_parts([*shared, *copies, *own])
        places = [int(each.digest.hex()[:16], 16) / 2**64 for each in shared]
        by_content = ["test" if p < 0.1 else "validation" if p >= 0.9 else "train" for p in places]
        assert found[:4] == found[4:8] == by_content
        assert set(class_parts([*shared, *copies, *own], found)["a"]) == set(PARTS)


def test_an_image_that_a_small_class_shares_is_for_training() -> None:
    for seed in range(50):
        own = images_of({"a": 20, "b": 1}, seed=seed)
        copy = LabelledImage("b/copy.png", "b", own[0].digest)
        found = three_parts([*own, copy])
        assert found[0] == found[20] == found[21] == "train"


def test_three_copies_of_one_image_are_one_image() -> None:
    copies = [image(f"a/{number}.png", "the same") for number in range(3)]
    assert three_parts([*copies, *images_of({"b": 5})])[:3] == ["train"] * 3


@pytest.mark.parametrize("seed", range(20))
def test_exact_duplicates_stay_on_one_side_across_classes_too(seed: int) -> None:
    images = images_of({"a": 10, "b": 10, "c": 3}, seed=seed)
    copies = [
        LabelledImage(f"{label}/copy {n}.png", label, each.digest)
        for n, each in enumerate(images[::3])
        for label in ("a", "b")
    ]
    everything = [*images, *copies]
    sides: dict[bytes, set[Part]] = {}
    for each, part in zip(everything, three_parts(everything), strict=True):
        sides.setdefault(each.digest, set()).add(part)
    assert {len(side) for side in sides.values()} == {1}


@pytest.mark.parametrize("seed", range(20))
def test_variants_of_one_prefix_stay_together(seed: int) -> None:
    variants = [image(f"a/sub {n}/cup {seed}_nohash_{n}.png") for n in range(6)]
    copy_of_one = image("b/copy.png", variants[3].path)
    images = [*variants, copy_of_one, *images_of({"a": 30, "b": 30}, seed=seed)]
    assert len(set(three_parts(images)[:7])) == 1
    assert len(set(groups_of(images)[:7])) == 1
    assert len(set(groups_of(images))) == 61


def test_only_the_name_before_the_mark_decides_where_variants_go() -> None:
    # Were the content to decide, 60 prefixes would not land the same way with other images.
    others = images_of({"a": 100})

    def parts(content: str) -> list[Part]:
        variants = [image(f"a/cup {n}_nohash_1.png", f"{content} {n}") for n in range(60)]
        return three_parts([*variants, *others])[:60]

    assert parts("early") == parts("late")
    assert set(parts("early")) == set(PARTS)


def test_groups_join_through_names_and_copies() -> None:
    chain = [
        image("a/x_nohash_1.png", "one"),
        image("a/y_nohash_1.png", "one"),
        image("a/y_nohash_2.png", "two"),
        image("b/plain.png", "two"),
        image("b/other.png", "three"),
    ]
    groups = groups_of(chain)
    assert len(set(groups[:4])) == 1
    assert groups[4] != groups[0]


def grouped(path: str, name: str) -> LabelledImage:
    """Make an image that the user puts into a group."""
    return image(path)._replace(group=name)


@pytest.mark.parametrize("seed", range(20))
def test_images_of_a_group_stay_together_though_classes_share_it(seed: int) -> None:
    members = [grouped(f"{'ab'[n % 2]}/{seed} {n}.png", f"patient {seed}") for n in range(6)]
    images = [*members, *images_of({"a": 30, "b": 30}, seed=seed)]
    assert len(set(three_parts(images)[:6])) == 1
    assert len(set(groups_of(images))) == 61


def test_only_its_name_decides_where_a_group_goes() -> None:
    others = images_of({"a": 100})

    def parts(count: int) -> list[Part]:
        members = [grouped(f"a/{n} {count}.png", f"p{n % 60}") for n in range(60 * count)]
        return three_parts([*members, *others])[:60]

    assert parts(1) == parts(2) == parts(3)
    assert set(parts(1)) == set(PARTS)


def test_a_group_leads_over_a_name_before_the_mark_and_over_contents() -> None:
    images = [
        grouped("a/x_nohash_1.png", "p"),
        image("a/x_nohash_2.png"),
        image("b/copy.png", "a/x_nohash_2.png"),
    ]
    assert set(groups_of(images)) == set(groups_of([grouped("a/other.png", "p")]))
    odd = [grouped("a/1.png", "caf\udce9"), grouped("a/2.png", "\ud800"), grouped("a/3.png", "é")]
    assert len(set(groups_of(odd))) == 3


@pytest.mark.parametrize("size", [2, 5, 20])
def test_large_groups_are_tested_as_often_as_single_images(size: int) -> None:
    # Of joined contents one gives the position: were it the lowest, 5 would be tested 41 % often.
    images = images_of({"a": 2000 * size})
    contents = groups_of(images)
    near_groups = [
        name
        for start in range(0, len(images), size)
        for name in [min(contents[start : start + size], key=leadership)] * size
    ]
    parts = split(EarlierParts(images, near_groups), holdout=0.1, with_validation=False)
    # Three standard deviations of a share of 2000.
    assert parts.count("test") / len(parts) == pytest.approx(0.1, abs=0.02)


def test_a_group_keeps_its_part_when_copies_are_added_to_an_earlier_run() -> None:
    old = images_of({"a": 60, "b": 60})
    before = three_parts(old)
    earlier = kept(old, before)
    new = images_of({"a": 60}, seed=1)
    images = [*old, *new]
    # Each new image is a near copy of an old one, and half of them lead.
    names = groups_of(images)
    pairs = [min(names[n], names[120 + n], key=leadership) for n in range(60)]
    near_groups = [*pairs, *names[60:120], *pairs]
    assert 10 < sum(one == other for one, other in zip(pairs, names[120:], strict=True)) < 50
    after = split(EarlierParts(images, near_groups, earlier), holdout=0.1, with_validation=True)
    assert after[:120] == before
    assert after[120:] == before[:60]
    assert joining(images, near_groups, earlier) == []


def test_a_new_image_that_joins_two_parts_moves_neither_and_is_for_training(
    tmp_path: Path,
) -> None:
    old = images_of({"a": 3, "b": 40})
    names = groups_of(old)
    before: list[Part] = ["test", "train", "validation", *three_parts(old)[3:]]
    earlier = kept(old, before)
    bridge, follower = image("a/bridge.png"), image("a/follower.png")
    images = [*old, bridge, follower]
    near_groups = [names[0], names[0], names[2], *names[3:], names[0], names[2]]
    after = split(EarlierParts(images, near_groups, earlier), holdout=0.1, with_validation=True)
    # The class has two groups now, one of them torn, and still nothing moves.
    assert after == [*before, "train", "validation"]
    assert joining(images, near_groups, earlier) == ["a/bridge.png"]
    # The next run knows them all.
    earlier = saved(tmp_path, images, after)
    assert (
        split(EarlierParts(images, near_groups, earlier), holdout=0.1, with_validation=True)
        == after
    )
    assert joining(images, near_groups, earlier) == []


def test_a_copy_under_the_name_of_a_group_in_another_part_moves_neither(tmp_path: Path) -> None:
    old = [image("a/plain.png"), grouped("a/1.png", "p"), *images_of({"a": 30, "b": 30})]
    before: list[Part] = ["test", "train", *three_parts(old)[2:]]
    copy = grouped("a/copy.png", "p")._replace(digest=old[0].digest)
    new = grouped("a/new.png", "p")
    for images in ([*old, copy, new], [new, copy, *old]):
        earlier = saved(tmp_path, old, before)
        for run in range(3):  # The run after it finds what it left.
            names = groups_of(images)
            parts = split(EarlierParts(images, names, earlier), holdout=0.1, with_validation=True)
            by_path = {each.path: part for each, part in zip(images, parts, strict=True)}
            assert by_path == {
                **{each.path: part for each, part in zip(old, before, strict=True)},
                "a/copy.png": "test",  # as the image that it is a copy of
                "a/new.png": "train",
            }
            assert joining(images, names, earlier) == ([] if run else ["a/new.png"])
            earlier = saved(tmp_path, images, parts)


def test_a_new_image_of_a_group_goes_where_the_group_was_though_its_others_are_gone(
    tmp_path: Path,
) -> None:
    others = images_of({"a": 30, "b": 30})
    for part in PARTS:
        old = [grouped("a/old.png", "p"), image("a/q_nohash_1.png"), *others]
        earlier = saved(tmp_path, old, [part, part, *three_parts(others)])
        new = [grouped("a/new.png", "p"), image("a/q_nohash_2.png"), *others]
        assert three_parts(new, earlier)[:2] == [part, part]


def test_images_that_are_put_into_groups_later_stay(tmp_path: Path) -> None:
    old = images_of({"a": 40, "b": 40})
    before = three_parts(old)
    named = [each._replace(group=f"p{n % 20}") for n, each in enumerate(old)]
    assert three_parts(named, saved(tmp_path, old, before)) == before


def test_what_was_trained_on_does_not_test(tmp_path: Path) -> None:
    images = [*images_of({"a": 30, "b": 30}), image("a/one.png", "x"), image("b/two.png", "x")]
    parts = three_parts(images)
    parts[-2:] = ["train", "test"]  # as they were given
    after = three_parts(images, saved(tmp_path, images, parts))
    assert after[-2:] == ["train", "train"]


@pytest.mark.parametrize("seed", range(40))
def test_nothing_moves_however_groups_are_joined_later(seed: int, tmp_path: Path) -> None:
    random_ = random.Random(seed)

    def some(count: int) -> list[LabelledImage]:
        names = random_.choices(["x", "y_nohash_", "z_nohash_"], k=count)
        contents, groups = random_.choices(range(30), k=count), random_.choices("  pq", k=count)
        return [
            image(f"a/{name}{seed} {n}.png", str(content))._replace(group=group.strip())
            for n, (name, content, group) in enumerate(zip(names, contents, groups, strict=True))
        ]

    images, earlier = [*some(12), *images_of({"a": 9, "b": 9}, seed=seed)], NO_SPLIT
    before: dict[bytes, Part] = {}
    for _ in range(5):
        names = groups_of(images)
        parts = split(EarlierParts(images, names, earlier), holdout=0.3, with_validation=False)
        after = {each.digest: part for each, part in zip(images, parts, strict=True)}
        assert {digest: after[digest] for digest in before} == before
        assert [after[each.digest] for each in images] == parts
        before, earlier = after, saved(tmp_path, images, parts)
        images = [*images, *(each._replace(path=f"{len(images)} {each.path}") for each in some(3))]


@pytest.mark.parametrize("seed", range(30))
def test_a_rerun_keeps_what_it_finds_even_in_small_classes(seed: int, tmp_path: Path) -> None:
    old = images_of({"a": 3, "b": 5, "c": 12}, seed=seed)
    before = part_of(old)
    earlier = saved(tmp_path, old, three_parts(old))
    more = [*images_of({"a": 9, "b": 7, "d": 3}, seed=seed + 1000), *old]
    after = part_of(more, earlier)
    assert {digest: after[digest] for digest in before} == before
    assert class_parts(more, three_parts(more, earlier))["d"] == set(PARTS)


def test_a_new_copy_under_a_name_with_the_mark_moves_no_kept_image(tmp_path: Path) -> None:
    old = images_of({"a": 30, "b": 30})
    parts = three_parts(old)
    earlier = saved(tmp_path, old, parts)
    copies = [
        LabelledImage(f"a/new {n}_nohash_1.png", "a", each.digest) for n, each in enumerate(old)
    ]
    assert three_parts([*old, *copies], earlier)[: len(old)] == parts


def test_kept_assignments_win_over_the_hash(tmp_path: Path) -> None:
    images = images_of({"a": 30, "b": 30})
    turned: dict[Part, Part] = {"train": "test", "test": "validation", "validation": "train"}
    parts = [turned[part] for part in three_parts(images)]
    assert three_parts(images, saved(tmp_path, images, parts)) == parts


def test_splits_are_written_one_line_an_image_and_read_back(tmp_path: Path) -> None:
    images = [image('a/odd, "name"\n.png'), image("круг/cup_nohash_1.png"), image("a/p.png")]
    earlier = saved(tmp_path, images, ["train", "test", "validation"])
    assert earlier.of_content == {
        each.digest.hex(): part
        for each, part in zip(images, ["train", "test", "validation"], strict=True)
    }
    assert earlier.of_group == {groups_of(images)[1]: "test"}
    header = (tmp_path / "splits.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "path,label,split,group,sha256"


def test_names_that_are_not_text_are_kept_apart_from_their_escapes(tmp_path: Path) -> None:
    raw = "a/caf\udce9_nohash_1.png"
    images = [LabelledImage(raw, "a", b"\1" * 32), *images_of({"a": 60, "b": 5})]
    earlier = saved(tmp_path, images, ["test", *three_parts(images)[1:]])
    assert three_parts(images, earlier)[0] == "test"


def test_no_earlier_run_keeps_nothing(tmp_path: Path) -> None:
    assert read_splits(tmp_path / "splits.csv") == []


def test_an_empty_splits_file_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").touch()
    assert read_splits(tmp_path / "splits.csv") == []


BROKEN_TABLES = {
    "not UTF-8": "path,label,split,group,sha256\na,café,train,g,00\n".encode("latin-1"),
    "no column of groups": b"path,label,split,sha256\na,b,c,d\n",
    "semicolons": b"path;label;split;group;sha256\na/1.png;a;train;content:00;00\n",
    "an unknown part": b"path,label,split,group,sha256\na,b,exam,content:00,00\n",
    "a short row": b"sha256,path,label,split,group\n00,a,b,train\n",
    "not CSV": b'path,label,split,group,sha256\n"' + b"x" * 200_000,
}


@pytest.mark.parametrize("content", BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_a_splits_file_that_cannot_be_read_is_the_users_to_mend(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "splits.csv").write_bytes(content)
    with pytest.raises(TorchInceptionError, match=r"splits\.csv"):
        read_splits(tmp_path / "splits.csv")


def test_a_class_that_is_never_alone_has_a_test_image_too() -> None:
    sets = {"animal": 100, "animal|cat": 3, "animal|dog": 4, "animal|cat|dog": 1, "cat|few": 2}
    images = [
        each._replace(labels=tuple(each.label.split("|")))
        for seed in range(9)
        for each in images_of(sets, seed=seed)
    ]
    for seed in range(9):
        own = images[110 * seed : 110 * seed + 110]
        parts = split(EarlierParts(own, groups_of(own)), holdout=0.1, with_validation=False)
        found: dict[str, list[Part]] = {}
        for each, part in zip(own, parts, strict=True):
            for label in each.classes:
                found.setdefault(label, []).append(part)
        assert found.pop("few") == ["train", "train"]
        assert all(set(each) == {"train", "test"} for each in found.values())

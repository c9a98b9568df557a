"""What a folder of class folders holds."""

from pathlib import Path

import pytest
import torchvision
from PIL import Image

from torch_inception.datasets.dataset import class_table, read_dataset
from torch_inception.datasets.image_folder import ImageFolder
from torch_inception.errors import DatasetError, ImageError
from torch_inception.images.find import find_images


def make_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_class_names_are_the_folder_names_exactly(tmp_path: Path) -> None:
    labels = ["C#", "C++", "Ünïcode", "a b", "with.dot", "круг", "三角", "🐼 x"]
    dataset = read_dataset(make_files(tmp_path, *[f"{label}/1.png" for label in labels]))
    assert dataset.label_texts == sorted(labels)
    assert [dataset.label_texts[target] for target in dataset.targets] == [
        path.parent.name for path in dataset.paths
    ]


def test_every_file_below_a_class_folder_is_a_sample_whatever_its_name(tmp_path: Path) -> None:
    names = ["a/x.JPG", "a/deep/er/y", "a/z.txt", "b/1.webp", "b/2.tar.gz"]
    dataset = read_dataset(make_files(tmp_path, *names))
    found = [path.relative_to(tmp_path).as_posix() for path in dataset.paths]
    assert sorted(found) == sorted(names)
    assert dataset.targets == [0, 0, 0, 1, 1]
    assert dataset.counts() == {"a": 3, "b": 2}


def test_hidden_entries_and_loose_files_are_no_classes_and_no_samples(tmp_path: Path) -> None:
    make_files(tmp_path, "a/1.png", "b/1.png", "loose.png", ".DS_Store", ".git/1.png")
    make_files(tmp_path, "a/.DS_Store", "a/.ipynb_checkpoints/1.png", "b/deep/.cache/deeper/1.png")
    dataset = read_dataset(tmp_path)
    assert dataset.label_texts == ["a", "b"]
    # A folder in which nothing is found is named, so that it can be said to have been skipped.
    assert dataset.paths == [tmp_path / "a/1.png", tmp_path / "b/1.png", tmp_path / "b/deep"]


def test_what_systems_leave_is_no_class_and_no_sample(tmp_path: Path) -> None:
    make_files(tmp_path, "a/1.png", "b/1.png", "a/Thumbs.db", "b/desktop.ini", "b/@eaDir/1.png")
    folders = ["__MACOSX", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"]
    make_files(tmp_path, *[f"{name}/a/1.png" for name in [*folders, "@eaDir", "$Recycle.Bin"]])
    dataset = read_dataset(tmp_path)
    assert dataset.label_texts == ["a", "b"]
    assert dataset.paths == [tmp_path / "a/1.png", tmp_path / "b/1.png"]


def test_a_data_folder_inside_a_hidden_folder_is_read(tmp_path: Path) -> None:
    folder = make_files(tmp_path / ".hidden" / "data", "a/1.png", "b/1.png")
    assert read_dataset(folder).counts() == {"a": 1, "b": 1}


@pytest.mark.parametrize("name", ["data", "./data", "data/", "data/../data", "data/a/.."])
def test_the_way_the_folder_is_named_changes_no_sample(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(tmp_path / "data", "a/1.png", "b/sub/2.png")
    monkeypatch.chdir(tmp_path)
    dataset = read_dataset(Path(name))
    found = [path.relative_to(dataset.folder).as_posix() for path in dataset.paths]
    assert found == ["a/1.png", "b/sub/2.png"]


def test_the_current_folder_and_linked_class_folders_can_be_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_files(tmp_path, "data/a/1.png", "elsewhere/2.png")
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    monkeypatch.chdir(tmp_path / "data")
    assert read_dataset(Path()).counts() == {"a": 1, "b": 1}


def test_samples_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    make_files(tmp_path, "b/2.png", "b/10.png", "a/z.png", "a/a.png")
    names = [path.relative_to(tmp_path).as_posix() for path in read_dataset(tmp_path).paths]
    assert names == ["a/a.png", "a/z.png", "b/10.png", "b/2.png"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["loose.png"], "at least two class folders and has none"),
        (["only/1.png", ".hidden/1.png"], "at least two class folders and has only 'only'"),
        (["full/1.png", "hollow/.hidden.png"], "class folder 'hollow' .* has no images"),
    ],
)
def test_a_folder_without_two_full_classes_is_refused_by_name(
    names: list[str], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=complaint):
        read_dataset(make_files(tmp_path, *names))


@pytest.mark.parametrize(
    ("name", "reason"), [("missing", "there is no folder .*missing"), ("file", "file is a file")]
)
def test_what_is_no_folder_is_refused_by_name(name: str, reason: str, tmp_path: Path) -> None:
    make_files(tmp_path, "file")
    with pytest.raises(DatasetError, match=reason):
        read_dataset(tmp_path / name)


def test_the_table_has_each_class_and_its_count(tmp_path: Path) -> None:
    make_files(tmp_path, *[f"circle/{i}" for i in range(12)], "plus sign/1", "三角/1", "三角/2")
    assert class_table(read_dataset(tmp_path)).splitlines() == [
        f"3 classes in {tmp_path}, and their files:",
        "  circle     12",
        "  plus sign   1",
        "  三角        2",  # each of these takes two columns
    ]


def test_of_many_classes_the_table_has_the_smallest(tmp_path: Path) -> None:
    make_files(tmp_path, *[f"{i:03d}/{j}" for i in range(100) for j in range(1 + i // 50)])
    make_files(tmp_path, "100/1", *[f"{i:03d}/more {j}" for i in range(90) for j in range(1000)])
    lines = class_table(read_dataset(tmp_path)).splitlines()
    assert lines[0] == f"101 classes in {tmp_path}, and the files of the smallest:"
    assert lines[1:3] == ["  100      1", "  090      2"]
    assert len(lines) == 22
    assert lines[-1] == "  and 81 more with 1,001 to 1,002 each; splits.csv lists all images"


def test_it_is_an_image_folder_that_decodes_by_content(tmp_path: Path) -> None:
    make_files(tmp_path, "a/1", "b/1")
    clear = Image.new("RGBA", (3, 2), (255, 0, 0, 0))
    clear.putpixel((2, 1), (255, 0, 0, 255))
    clear.save(tmp_path / "b" / "1", "WEBP", lossless=True)
    folder = ImageFolder(tmp_path)
    assert isinstance(folder, torchvision.datasets.ImageFolder)
    assert folder.class_to_idx == {"a": 0, "b": 1}
    image, target = folder[1]
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (3, 2), (255,) * 3)
    assert target == 1


def test_it_lists_exactly_what_training_takes_and_decodes_it(tmp_path: Path) -> None:
    make_files(tmp_path, "c/x.txt", "a/.hidden.png", ".git/1.png", "loose.png", "c/.deep/1.png")
    for number, name in enumerate(
        ["a/2.png", "a/10.png", "a/deep/er/x", "b b/круг.JPG", "c/1.tar"]
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (number, 0, 0)).save(tmp_path / name, "PNG")
    folder, dataset = ImageFolder(tmp_path), read_dataset(tmp_path)
    assert folder.samples == [
        (str(path), target) for path, target in zip(dataset.paths, dataset.targets, strict=True)
    ]
    assert folder.classes == dataset.label_texts
    assert folder.targets == dataset.targets
    assert len(folder) == 6
    reds = [folder[i][0].getpixel((0, 0))[0] for i, path in enumerate(dataset.paths)
            if path.name != "x.txt"]  # fmt: skip
    assert sorted(reds) == [0, 1, 2, 3, 4]
    text = dataset.paths.index(tmp_path / "c" / "x.txt")
    with pytest.raises(ImageError, match="c/x[.]txt: not an image"):
        folder[text]


def test_it_refuses_what_has_no_class_folders(tmp_path: Path) -> None:
    make_files(tmp_path, "empty/.hidden/1.png", "bad.png")
    with pytest.raises(DatasetError, match="needs at least two class folders and has none"):
        ImageFolder(tmp_path / "empty")
    with pytest.raises(DatasetError, match="there is no folder .*none. Give one"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(DatasetError, match="bad.png is a file, not a folder. Give one"):
        ImageFolder(tmp_path / "bad.png")


def test_a_link_back_to_a_folder_above_is_passed_over(tmp_path: Path) -> None:
    make_files(tmp_path, "a/1.png", "a/sub/2.png", "b/1.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "sideways").symlink_to(tmp_path / "a" / "sub")
    names = [path.relative_to(tmp_path).as_posix() for path in read_dataset(tmp_path).paths]
    assert names == ["a/1.png", "a/sub/2.png", "b/1.png", "b/sideways/2.png"]
    found = [path.relative_to(tmp_path / "a").as_posix() for path in find_images(tmp_path / "a")]
    assert found[:2] == ["1.png", "sub/2.png"]
    assert not any("loop" in name for name in found)

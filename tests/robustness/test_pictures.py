"""Files that nobody should trust: each has its reason, and no other picture notices."""

import csv
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from numpy.typing import NDArray

from tests.robustness.by_hand import encoded
from tests.robustness.zoo import PICTURE, Animal, zoo
from tests.test_end_to_end import WEIGHTS, draw
from torch_inception import files as files_room
from torch_inception import images as images_room
from torch_inception.backbone import Backbone
from torch_inception.cache import FileIndex, RowStore
from torch_inception.digests import hash_files
from torch_inception.errors import DatasetError, ImageError
from torch_inception.features import FeatureTable, feature_table
from torch_inception.files import file_digest, read_file
from torch_inception.pipeline import train_classifier
from torch_inception.preprocessing import Preprocessing
from torch_inception.storage import CACHE_VARIABLE
from torch_inception.weights import Weights, WeightsRecord

SECONDS = 10
"""How long any file may keep a run waiting."""

MEMORY = 10**9
"""Bytes by which the files below may exceed the memory of a run without them."""

ANIMALS = zoo()


@pytest.fixture
def good(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"good {number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        draw("dots", number).save(path)
    return paths


@pytest.fixture
def passed(fake_network: WeightsRecord, own_cache: Path) -> Callable[[list[Path]], FeatureTable]:
    """Give a function that maps files to rows."""
    backbone = Backbone(Weights(fake_network, {}), device=torch.device("cpu"))
    return lambda paths: feature_table(backbone, Preprocessing(), paths, cache=own_cache)


def rows_of(table: FeatureTable) -> dict[Path, bytes]:
    rows: NDArray[numpy.float32] = table.rows.tensor().numpy()
    return {path: row.tobytes() for path, row in zip(table.paths, rows, strict=True)}


def test_there_are_at_least_80_of_them() -> None:
    assert len(ANIMALS) >= 80
    assert sum(bool(animal.reason) for animal in ANIMALS) >= 80


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: ascii(animal.name))
@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_a_file_among_good_ones_is_taken_or_skipped_and_changes_no_row(
    animal: Animal,
    good: list[Path],
    passed: Callable[[list[Path]], FeatureTable],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "class").mkdir()
    path = animal.release(tmp_path / "class")
    before = rows_of(passed(good))
    start = time.perf_counter()
    table = passed([good[0], path, *good[1:]])
    assert time.perf_counter() - start < SECONDS
    rows = rows_of(table)
    assert {known: rows[known] for known in good} == before
    if animal.reason:
        [skipped] = table.skipped
        assert skipped.path == path
        assert animal.reason in skipped.reason
        assert not re.search(r"<_io|object at|b'|buffer|decoder|NoneType", skipped.reason)
    else:
        assert table.skipped == []
        assert path in rows
    assert capfd.readouterr().err == ""


LAUNCHER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
out, err = process.stdout.read(), process.stderr.read()
_, status, usage = os.wait4(process.pid, 0)
json.dump([os.waitstatus_to_exitcode(status), out.decode(errors="surrogateescape"),
           err.decode(errors="surrogateescape"), usage.ru_maxrss], sys.stdout)
"""
"""Runs a command from a small process: a child's peak counts from what its parent had."""


def train(data: Path, output: Path, cache: Path, *flags: str) -> tuple[int, str, str, int]:
    """Train as a process; return status, output, complaints and the peak of its memory in bytes."""
    module = ["-m", "torch_inception.train"]
    arguments = [
        *module,
        "--data",
        str(data),
        "--output",
        str(output),
        "--weights",
        WEIGHTS,
        *flags,
    ]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, sys.executable, "-X", "utf8", *arguments],
        env={**os.environ, CACHE_VARIABLE: str(cache)}, capture_output=True, check=True,
    )  # fmt: skip
    status, out, err, kilobytes = json.loads(done.stdout)
    return status, out, err, kilobytes * 1024


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "patterns"
    for kind in ("dots", "stripes"):
        (folder / kind).mkdir(parents=True)
        for number in range(15):
            draw(kind, number).save(folder / kind / f"{number}.png")
    return folder


@pytest.mark.real_weights
def test_training_goes_on_among_all_of_them_in_bounded_memory(
    patterns: Path, real_cache: Path, tmp_path: Path
) -> None:
    alone = train(patterns, tmp_path / "alone", real_cache)
    assert alone[0] == 0, alone[2]
    # A second cache, so that every row is computed again.
    other = tmp_path / "other"
    (other / "weights").mkdir(parents=True)
    for path in (real_cache / "weights").iterdir():
        (other / "weights" / path.name).symlink_to(path)
    folder = patterns / "stripes" / "zoo"
    folder.mkdir()
    bad = {os.fsencode(animal.release(folder).name) for animal in ANIMALS if animal.reason}
    for animal in ANIMALS:
        if not animal.reason:
            animal.release(folder)
    status, out, err, memory = train(patterns, tmp_path / "run", other)
    assert status == 0, err
    assert memory - alone[3] < MEMORY
    assert f"{len(bad)} files skipped" in out
    complaints = [line for line in err.splitlines() if not line.startswith("skipped: ")]
    assert not re.search("Warning|Traceback|TIFF|PIL", "\n".join(complaints)), complaints
    with (tmp_path / "run" / "skipped.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    names = {f"stripes/zoo/{os.fsdecode(name)}" for name in bad}
    assert set(listed) == {name.encode(errors="backslashreplace").decode() for name in names}
    assert all(listed.values())
    assert same_rows(patterns, real_cache, other)
    assert train(patterns, tmp_path / "run", other, "--strict")[0] == 1


def same_rows(patterns: Path, one: Path, other: Path) -> bool:
    """Tell whether two caches have the same bytes for the good pictures."""
    paths = [patterns / kind / f"{n}.png" for kind in ("dots", "stripes") for n in range(15)]
    digests = [file_digest(path) for path in paths]
    found = []
    for cache in (one, other):
        [space] = {folder.name for folder in (cache / "features").iterdir()}
        store = RowStore(cache / "features" / space)
        places = store.find(digests)
        table = store.table()
        found.append([table[places[digest]].numpy().tobytes() for digest in digests])
    return found[0] == found[1]


def test_a_file_that_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path in (folder / "locked.jpg", folder / "open.jpg"):
            path.write_bytes(encoded(PICTURE, "JPEG"))
        (folder / "locked.jpg").chmod(0)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65_534)
        try:
            with pytest.raises(ImageError, match="cannot be read .Permission denied."):
                read_file(folder / "locked.jpg")
            assert read_file(folder / "open.jpg")
        finally:
            if is_root:
                os.seteuid(0)


@pytest.mark.parametrize("change", ["gone", "other", "pipe", "folder"])
def test_a_file_that_changes_between_hashing_and_decoding_is_skipped(
    change: str,
    good: list[Path],
    passed: Callable[[list[Path]], FeatureTable],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rows_of(passed(good))
    fickle = good[0].with_name("fickle.png")
    encoded_picture = encoded(PICTURE, "PNG")
    fickle.write_bytes(encoded_picture)

    def changed(paths: list[Path], index: FileIndex, *, progress: bool) -> Any:  # noqa: ANN401
        hashed = hash_files(paths, index, progress=progress)
        fickle.unlink()
        if change == "other":
            fickle.write_bytes(encoded_picture + b"more")
        elif change == "pipe":
            os.mkfifo(fickle)
        elif change == "folder":
            fickle.mkdir()
        return hashed

    monkeypatch.setattr("torch_inception.features.hash_files", changed)
    table = passed([fickle, *good])
    assert rows_of(table) == before
    reasons = {"gone": "no such file", "other": "changed", "pipe": "a pipe", "folder": "folder"}
    [skipped] = table.skipped
    assert skipped.path == fickle
    assert reasons[change] in skipped.reason


def test_a_pipe_that_takes_a_file_s_place_while_it_is_opened_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"content")
    original = os.open

    def swapped(name: Path, *arguments: Any) -> int:  # noqa: ANN401
        path.unlink()
        os.mkfifo(path)
        return original(name, *arguments)

    for read in (read_file, file_digest):
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", swapped)
            with pytest.raises(ImageError, match="not a regular file but a pipe"):
                read(path)
        path.unlink()
        path.write_bytes(b"content")


@pytest.mark.parametrize("read", [read_file, file_digest])
def test_a_file_that_grows_while_it_is_read_is_left_at_the_limit(
    read: Callable[[Path], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grows.jpg"
    path.write_bytes(bytes(2000))
    monkeypatch.setattr(files_room, "MAX_FILE_BYTES", 2000)
    assert read(path)
    monkeypatch.setattr(files_room, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr(os, "fstat", lambda handle: os.stat_result((stat.S_IFREG, *[0] * 9)))
    with pytest.raises(ImageError, match="too large for a picture: 2?[0,]*1?,?00"):
        read(path)


def test_only_the_plug_ins_of_the_promised_formats_are_imported(tmp_path: Path) -> None:
    for kind in images_room.FORMATS:
        picture = PICTURE.convert("RGBA") if kind == "ICO" else PICTURE
        (tmp_path / kind).write_bytes(encoded(picture, kind))
    for number, content in enumerate((b"8BPS\0\1", b"%!PS", b"garbage", bytes(99), b"<svg>")):
        (tmp_path / f"bad {number}").write_bytes(content)
    code = (
        "import pathlib, sys\n"
        "from torch_inception.errors import ImageError\n"
        "from torch_inception.images import to_image\n"
        "good = 0\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: good += to_image(path).size != (0, 0)\n"
        "    except ImageError: pass\n"
        "print(good, *(name for name in sys.modules if name.endswith('ImagePlugin')))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    good, *imported = done.stdout.split()
    assert int(good) == len(images_room.FORMATS)
    # An MPO is a JPEG, which asks for its plug-in.
    wanted = {f"PIL.{name}ImagePlugin" for name in (*images_room.FORMATS.values(), "Mpo")}
    assert set(imported) <= wanted


def test_heic_is_read_where_the_plug_in_is_and_the_plug_in_is_named_where_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    content = encoded(PICTURE, "HEIF", quality=95)
    decoded = numpy.asarray(images_room.decode(content)).astype(int)
    assert abs(decoded - numpy.asarray(PICTURE)).mean() < 8
    monkeypatch.setattr(images_room, "_formats", lambda: tuple(images_room.FORMATS))
    with pytest.raises(ImageError, match="pip install pillow-heif"):
        images_room.decode(content)


def test_an_empty_folder_is_skipped_inside_a_class_and_no_class_itself(
    colours: Path, run: Path, fake_network: WeightsRecord
) -> None:
    (colours / "red" / "a.jpg").mkdir()
    result = train_classifier(colours, output=run)
    [skipped] = result.skipped
    assert skipped.path == colours / "red" / "a.jpg"
    assert "an empty folder" in skipped.reason
    (colours / "white").mkdir()
    with pytest.raises(DatasetError, match="'white' .* has no pictures"):
        train_classifier(colours, output=run)


@pytest.mark.parametrize("strict", [False, True])
def test_what_pillow_warns_of_is_neither_shown_nor_an_error(strict: bool, tmp_path: Path) -> None:
    code = (
        "import warnings, sys\n"
        "from torch_inception.command_line import run_command\n"
        "from torch_inception.images import to_image\n"
        "run_command(lambda: print(to_image(sys.argv[1]).size) or 0, log_to=sys.stdout)\n"
    )
    path = tmp_path / "broken exif.jpg"
    path.write_bytes(encoded(PICTURE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\0"))
    flags = ["-W", "error"] if strict else []
    command = [sys.executable, *flags, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(60, 44)\n", "")

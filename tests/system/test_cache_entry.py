"""Entries of the cache are used whole or not at all."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from torch_inception.system.cache_entry import DESCRIPTION, read_entry, write_entry

ABOUT = {"mean": [0.25, 0.5, 0.1], "name": "круг"}
CONTENT = {"a.bin": bytes(range(200)), "b.txt": b"text"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "kind" / "name"


def write(folder: Path, *, format: int = 7) -> None:
    def files(staging: Path) -> None:
        for name, content in CONTENT.items():
            (staging / name).write_bytes(content)

    write_entry(folder, list(CONTENT), format=format, about=ABOUT, write=files)


def read(folder: Path, *, format: int = 7) -> dict[str, Any] | None:
    return read_entry(folder, format=format, read=lambda about: about)


def test_what_was_written_is_read(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(folder) is None
    write(folder)
    assert read(folder) == ABOUT
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        **CONTENT,
        DESCRIPTION: (folder / DESCRIPTION).read_bytes(),
    }
    assert [path.name for path in folder.parent.iterdir()] == ["name"]
    assert not caplog.records


def test_another_format_is_no_damage(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    write(folder, format=6)
    assert read(folder) is None
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "another version" in record.getMessage()
    write(folder)
    assert read(folder) == ABOUT


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def change(folder: Path, name: str, value: object) -> None:
    said = json.loads((folder / DESCRIPTION).read_bytes())
    assert said[name] != value
    (folder / DESCRIPTION).write_text(json.dumps({**said, name: value}))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "the first byte": lambda folder: flip(folder / "a.bin", 0),
    "the last byte": lambda folder: flip(folder / "a.bin", -1),
    "a byte of the other file": lambda folder: flip(folder / "b.txt", 2),
    "a file cut short": lambda folder: (folder / "b.txt").write_bytes(b"tex"),
    "a file that is lost": lambda folder: (folder / "a.bin").unlink(),
    "what is said": lambda folder: change(folder, "about", {**ABOUT, "mean": [0.5, 0.5, 0.1]}),
    "the list of files": lambda folder: change(folder, "files", {}),
    "the format": lambda folder: change(folder, "format", 8),
    "the checksum": lambda folder: change(folder, "sha256", "0" * 64),
    "a description of nothing": lambda folder: (folder / DESCRIPTION).write_bytes(b""),
    "a description of zeros": lambda folder: (folder / DESCRIPTION).write_bytes(bytes(100)),
    "a description of something else": lambda folder: (folder / DESCRIPTION).write_text("[1]"),
}


@pytest.mark.parametrize("lost", DAMAGE)
def test_damage_is_told_and_made_good(
    lost: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder)
    DAMAGE[lost](folder)
    assert read(folder) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"cache: {folder} is damaged (")
    assert record.getMessage().endswith(") and is not used")
    caplog.clear()
    write(folder)
    assert read(folder) == ABOUT
    assert not caplog.records


def test_every_byte_of_the_description_counts(folder: Path) -> None:
    write(folder)
    whole = (folder / DESCRIPTION).read_bytes()
    for place in range(len(whole)):
        flip(folder / DESCRIPTION, place)
        assert read(folder) is None
        (folder / DESCRIPTION).write_bytes(whole)


def test_what_cannot_be_read_any_more_is_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(about: dict[str, Any]) -> None:
        raise RuntimeError("an older version wrote this")

    write(folder)
    assert read_entry(folder, format=7, read=fail) is None
    assert "is damaged (an older version wrote this) and is not used" in caplog.text


def test_a_cache_that_cannot_be_written_is_told_of(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.parent.parent.write_text("a file where the cache should be")
    write(folder)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(f"cache: {folder} cannot be kept (")
    assert read(folder) is None


@pytest.mark.parametrize("before", [False, True])
def test_a_full_disk_leaves_what_was_there(
    before: bool, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def full(staging: Path) -> None:
        (staging / "a.bin").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    if before:
        write(folder)
    write_entry(folder, ["a.bin"], format=7, about={}, write=full)
    assert "No space left on device" in caplog.text
    assert read(folder) == (ABOUT if before else None)
    assert list(folder.parent.iterdir()) == ([folder] if before else [])

"""How files are opened and decoded: without waiting, with few plug-ins, and without a word."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy
import pytest

from tests.fakes import FakeEngine
from tests.robustness.by_hand import encoded
from tests.robustness.zoo import IMAGE
from torch_inception.errors import DatasetError, ImageError
from torch_inception.images import decode as decoding
from torch_inception.images import read as files_room
from torch_inception.images.read import read_file
from torch_inception.training.pipeline import train_classifier


def test_a_file_that_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path in (folder / "locked.jpg", folder / "open.jpg"):
            path.write_bytes(encoded(IMAGE, "JPEG"))
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

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", swapped)
        with pytest.raises(ImageError, match="not a regular file but a pipe"):
            read_file(path)


def test_a_file_that_grows_while_it_is_read_is_left_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grows.jpg"
    path.write_bytes(bytes(2000))
    monkeypatch.setattr(files_room, "MAX_FILE_BYTES", 2000)
    assert read_file(path)
    monkeypatch.setattr(files_room, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr(os, "fstat", lambda handle: os.stat_result((stat.S_IFREG, *[0] * 9)))
    with pytest.raises(ImageError, match="too large for an image: 1,001 bytes"):
        read_file(path)


def test_only_the_plug_ins_of_the_promised_formats_are_imported(tmp_path: Path) -> None:
    for kind in decoding.FORMATS:
        image = IMAGE.convert("RGBA") if kind == "ICO" else IMAGE
        (tmp_path / kind).write_bytes(encoded(image, kind))
    for number, content in enumerate((b"8BPS\0\1", b"%!PS", b"garbage", bytes(99), b"<svg>")):
        (tmp_path / f"bad {number}").write_bytes(content)
    code = (
        "import pathlib, sys\n"
        "from torch_inception.errors import ImageError\n"
        "from torch_inception.images.decode import to_image\n"
        "good = 0\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: good += to_image(path).size != (0, 0)\n"
        "    except ImageError: pass\n"
        "print(good, *(name for name in sys.modules if name.endswith('ImagePlugin')))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    good, *imported = done.stdout.split()
    assert int(good) == len(decoding.FORMATS)
    # An MPO is a JPEG, which asks for its plug-in.
    wanted = {f"PIL.{name}ImagePlugin" for name in (*decoding.FORMATS.values(), "Mpo")}
    assert set(imported) <= wanted


def test_heic_is_read_where_the_plug_in_is_and_the_plug_in_is_named_where_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    content = encoded(IMAGE, "HEIF", quality=95)
    decoded = numpy.asarray(decoding.decode(content)).astype(int)
    assert abs(decoded - numpy.asarray(IMAGE)).mean() < 8
    monkeypatch.setattr(decoding, "_formats", lambda: tuple(decoding.FORMATS))
    with pytest.raises(ImageError, match="pip install pillow-heif"):
        decoding.decode(content)


def test_an_empty_folder_is_skipped_inside_a_class_and_no_class_itself(
    colours: Path, run: Path
) -> None:
    (colours / "red" / "a.jpg").mkdir()
    result = train_classifier(colours, output=run, engine=FakeEngine())
    [skipped] = result.skipped
    assert skipped.path == colours / "red" / "a.jpg"
    assert "an empty folder" in skipped.reason
    (colours / "white").mkdir()
    with pytest.raises(DatasetError, match="'white' .* has no images"):
        train_classifier(colours, output=run, engine=FakeEngine())


@pytest.mark.parametrize("strict", [False, True])
def test_what_pillow_warns_of_is_neither_shown_nor_an_error(strict: bool, tmp_path: Path) -> None:
    code = (
        "import warnings, sys\n"
        "from torch_inception.commands.run import run_command\n"
        "from torch_inception.images.decode import to_image\n"
        "run_command(lambda: print(to_image(sys.argv[1]).size) or 0, log_to=sys.stdout)\n"
    )
    path = tmp_path / "broken exif.jpg"
    path.write_bytes(encoded(IMAGE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\0"))
    flags = ["-W", "error"] if strict else []
    command = [sys.executable, *flags, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(60, 44)\n", "")

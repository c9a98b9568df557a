"""How files are opened and decoded: without waiting, with few plug-ins, and without a word."""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from tests.drawings import encoded
from tests.fakes import FakeEngine
from tests.robustness.fickle import become_pipe, fickle_path
from tests.robustness.zoo import IMAGE
from torch_inception.errors import DatasetError, ImageError
from torch_inception.images.plugins import FORMATS, readable_formats
from torch_inception.images.read import MAX_FILE_BYTES, read_file
from torch_inception.training.train_classifier import train_classifier


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
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"content")
    with pytest.raises(ImageError, match="not a regular file but a pipe"):
        read_file(fickle_path(path, become_pipe))


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "hole.jpg"
    path.touch()
    os.truncate(path, MAX_FILE_BYTES)
    assert len(read_file(path)) == MAX_FILE_BYTES == 268_435_456
    os.truncate(path, MAX_FILE_BYTES + 1)
    with pytest.raises(ImageError, match="too large for an image: 268,435,457 bytes, and at most"):
        read_file(path)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no such file here")
def test_a_file_that_has_more_than_its_size_says_is_left_at_the_limit() -> None:
    path = Path("/proc/self/maps")
    assert path.stat().st_size == 0
    assert len(read_file(path)) > 1000
    with pytest.raises(ImageError, match="too large for an image: 1,001 bytes, and at most 1,000"):
        read_file(path, max_bytes=1000)


def test_only_the_plug_ins_of_the_promised_formats_are_imported(tmp_path: Path) -> None:
    formats = set(FORMATS) & set(readable_formats())
    assert len(formats) >= 9
    for kind in formats:
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
    assert int(good) == len(formats)
    # An MPO is a JPEG, which asks for its plug-in.
    wanted = {f"PIL.{name}ImagePlugin" for name in (*FORMATS.values(), "Mpo")}
    assert set(imported) <= wanted


def run_python(code: str, content: bytes) -> list[str]:
    """Run code in a process of its own with a file on standard input; return its lines."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    return done.stdout.decode().splitlines()


DECODE = """
import io, sys
from PIL import Image
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
content = sys.stdin.buffer.read()
try:
    print(*decode(content).resize((1, 1)).getpixel((0, 0)))
except ImageError as error:
    print(error)
print("HEIF" in Image.OPEN)
"""


def test_heic_is_read_where_the_plug_in_is_and_the_plug_in_is_named_where_not() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    image = Image.new("RGB", (64, 64), (200, 100, 50))
    pillow_heif.from_pillow(image).save(stream, quality=95)
    colour, is_entered = run_python(DECODE, stream.getvalue())
    assert all(abs(int(a) - b) <= 8 for a, b in zip(colour.split(), (200, 100, 50), strict=True))
    assert is_entered == "False", "Pillow's list of plug-ins belongs to the program around us"
    reason, _ = run_python(
        f"import sys\nsys.modules['pillow_heif'] = None\n{DECODE}", stream.getvalue()
    )
    assert "pip install pillow-heif" in reason


def test_a_format_that_this_pillow_was_not_built_with_is_named() -> None:
    content = b"\0\0\0\x1cftypavif" + bytes(200)
    without_avif = "import sys\nsys.modules['PIL.AvifImagePlugin'] = None\n"
    reason, _ = run_python(without_avif + DECODE, content)
    assert reason == "an AVIF image, which this Pillow cannot read: pip install --upgrade pillow"


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

"""What the program around us has set changes no image, breaks none, and stays as it is."""

import hashlib
import io
import json
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType

import numpy
import pytest
from PIL import GifImagePlugin, Image, ImageFile, PngImagePlugin, TiffImagePlugin

from tests.drawings import encoded, landscape
from tests.robustness.zoo import IMAGE, small_files
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode, to_image
from torch_inception.images.pillow_settings import silent_libtiff
from torch_inception.images.preprocess import Preprocessing

FILES = small_files()

WAYS = (Preprocessing(), Preprocessing("crop"), Preprocessing("pad"), Preprocessing("tensorflow"))


def outcome(content: bytes) -> str:
    """Return what becomes of a file: a digest of its pixels, or the reason why it has none."""
    try:
        image = decode(content)
    except ImageError as error:
        return str(error)
    pixels = [image.tobytes(), *(way(image).tobytes() for way in WAYS)]
    return f"{image.size} {hashlib.sha256(b''.join(pixels)).hexdigest()}"


def outcomes() -> dict[str, str]:
    with silent_libtiff():
        return {name: outcome(content) for name, content in FILES.items()}


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    """Return what becomes of the files where nothing was set."""
    with warnings.catch_warnings(action="ignore"):
        found = outcomes()
    assert sum(result.startswith("(") for result in found.values()) > 30
    return found


def variable(module: ModuleType, name: str, value: object) -> AbstractContextManager[None]:
    """Set a variable of Pillow; see at the end that it is still set."""

    @contextmanager
    def setting() -> Iterator[None]:
        before = getattr(module, name)
        setattr(module, name, value)
        try:
            with warnings.catch_warnings(action="ignore"):
                yield
            assert getattr(module, name) == value
        finally:
            setattr(module, name, before)

    return setting()


@contextmanager
def warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings(action="error"):
        before = list(warnings.filters)
        yield
        assert warnings.filters == before


@contextmanager
def numpy_raises() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore"), numpy.errstate(all="raise"):
        yield
        assert set(numpy.geterr().values()) == {"raise"}


STRATEGIES = GifImagePlugin.LoadingStrategy

SETTINGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "no limit of pixels": lambda: variable(Image, "MAX_IMAGE_PIXELS", None),
    "a low limit of pixels": lambda: variable(Image, "MAX_IMAGE_PIXELS", 100),
    "a high limit of pixels": lambda: variable(Image, "MAX_IMAGE_PIXELS", 10**12),
    "truncated files": lambda: variable(ImageFile, "LOAD_TRUNCATED_IMAGES", True),
    "blocks of a byte": lambda: variable(ImageFile, "MAXBLOCK", 1),
    "large blocks": lambda: variable(ImageFile, "MAXBLOCK", 2**24),
    "little text": lambda: variable(PngImagePlugin, "MAX_TEXT_CHUNK", 10),
    "much text": lambda: variable(PngImagePlugin, "MAX_TEXT_CHUNK", 10**9),
    "little text in all": lambda: variable(PngImagePlugin, "MAX_TEXT_MEMORY", 10),
    "much text in all": lambda: variable(PngImagePlugin, "MAX_TEXT_MEMORY", 10**9),
    "libtiff": lambda: variable(TiffImagePlugin, "READ_LIBTIFF", True),
    "GIFs in RGB": lambda: variable(GifImagePlugin, "LOADING_STRATEGY", STRATEGIES.RGB_ALWAYS),
    "GIFs with palettes": lambda: variable(
        GifImagePlugin, "LOADING_STRATEGY", STRATEGIES.RGB_AFTER_DIFFERENT_PALETTE_ONLY
    ),
    "warnings are errors": warnings_are_errors,
    "numpy raises": numpy_raises,
}  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_changes_no_image_and_no_reason_and_stays(
    setting: str, expected: dict[str, str]
) -> None:
    with SETTINGS[setting]():
        assert outcomes() == expected


@contextmanager
def several() -> Iterator[None]:
    with (
        variable(Image, "MAX_IMAGE_PIXELS", 100),
        variable(ImageFile, "LOAD_TRUNCATED_IMAGES", True),
        warnings_are_errors(),
    ):
        yield


def at_once(work: Callable[[], object], *, threads: int) -> list[object]:
    """Do something on several threads; return what they gave within a minute."""
    found: list[object] = []
    started = [
        threading.Thread(target=lambda: found.append(work()), daemon=True) for _ in range(threads)
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(60)
    return found


def test_several_settings_change_nothing_on_several_threads(expected: dict[str, str]) -> None:
    with several():
        assert at_once(outcomes, threads=3) == [expected] * 3


def test_large_images_that_wait_for_each_other_do_not_wait_for_ever() -> None:
    # Large ones come one at a time, and so do those for which a setting is changed. For this one,
    # that is found out when it is decoded: Pillow warns of its EXIF.
    image = Image.fromarray(landscape(1000)).resize((4200, 4200))
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\0"
    content = encoded(image, "JPEG", quality=50, exif=broken)
    with several():
        sizes = at_once(lambda: decode(content).size, threads=3)
    assert sizes == [(4200, 4200)] * 3


def test_a_tiff_for_tifffile_waits_for_no_image_that_waits_for_it() -> None:
    # One takes the memory first and then the settings; the other must not do it the other way.
    tifffile = pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    stream = io.BytesIO()
    tifffile.imwrite(stream, numpy.zeros((2600, 2600)), compression="zlib")
    contents = [stream.getvalue(), encoded(Image.new("L", (4200, 4200)), "PNG")]
    turns = iter(contents * 6)
    with variable(ImageFile, "LOAD_TRUNCATED_IMAGES", True):
        sizes = at_once(lambda: [decode(next(turns)).size for _ in range(3)], threads=4)
    assert len(sizes) == 4


def test_an_image_that_the_program_opened_is_loaded_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "cut.bmp"
    whole = encoded(IMAGE, "BMP")
    path.write_bytes(whole[: len(whole) // 2])
    with (
        variable(ImageFile, "LOAD_TRUNCATED_IMAGES", True),
        Image.open(path) as image,
        pytest.raises(ImageError, match="cut short"),
    ):
        to_image(image)


CODE = """
import json, sys
import tests.images.test_host_settings as settings
json.dump(settings.outcomes(), sys.stdout)
"""

BEFORE = """
import contextlib, decimal, locale
from PIL import Image
decimal.getcontext().prec = 2
with contextlib.suppress(locale.Error):  # it may not be installed
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
Image.init()
"""


@pytest.mark.parametrize(
    ("flags", "before"),
    [(("-bb", "-X", "dev", "-W", "error"), ""), (("-OO", "-X", "utf8=0", "-W", "ignore"), BEFORE)],
)
def test_how_python_was_started_changes_nothing(
    flags: tuple[str, ...], before: str, expected: dict[str, str]
) -> None:
    command = [sys.executable, *flags, "-c", before + CODE]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected


LIBTIFF = """
import io, sys
from PIL import Image
from torch_inception.errors import ImageError
from torch_inception.images.decode import decode
from torch_inception.images.pillow_settings import silent_libtiff
content = sys.stdin.buffer.read()
def try_out(work):
    try: work()
    except (ImageError, OSError): pass
    sys.stderr.write("--\\n")
    sys.stderr.flush()
try_out(lambda: Image.open(io.BytesIO(content)).load())
try_out(lambda: decode(content))
with silent_libtiff():
    try_out(lambda: decode(content))
try_out(lambda: Image.open(io.BytesIO(content)).load())
"""


def test_libtiff_says_to_the_program_what_it_says_without_us_but_in_commands() -> None:
    content = FILES["wrong code.tif"]
    command = [sys.executable, "-c", LIBTIFF]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    alone, ours, silent, again, end = done.stderr.decode().split("--\n")
    assert ours == alone == again
    assert silent == end == ""

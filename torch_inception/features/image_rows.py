"""Images to rows of features: bytes, files or images in memory in, a row or a reason out."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from torch_inception.engines.protocol import Engine, Session
from torch_inception.errors import ImageError, WeightsError
from torch_inception.features.cached_rows import CachedRows, FoundRow
from torch_inception.images.decode import decode_file
from torch_inception.images.facts import FACTS, ImageFacts, image_facts
from torch_inception.images.facts_tally import FactsTally
from torch_inception.images.image_input import ImageInput, image_name, is_path_of_something
from torch_inception.images.limits import one_large_image_at_a_time
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.read import read_file
from torch_inception.images.see import SeenImage, see_or_say
from torch_inception.images.thumbnail import make_thumbnail
from torch_inception.system.file_state import FileState, file_state
from torch_inception.system.ordered_map import Work, ordered_map
from torch_inception.system.threads import compute_alone

FeatureRow = NDArray[numpy.float32]
"""(4096,), as an engine computes it; the cache keeps it in float16."""

CHANGED = "changed while it was being read"


class ReadImage(NamedTuple):
    """A file that was read once.

    Attributes:
        state: of the file; None where that is not known.
        digest: SHA-256 (32 bytes) of its content; None where it could not be read.
        pixels: for the network; the reason where there are none; None where none were wanted.
        facts: of the image, where there are pixels.
        thumbnail: a small JPEG of it, where that was wanted, too.
    """

    state: FileState | None
    digest: bytes | None
    pixels: Pixels | ImageError | None
    facts: ImageFacts | None = None
    thumbnail: bytes | None = None


def read_image(
    path: Path,
    preprocessing: Preprocessing,
    *,
    is_wanted: Callable[[bytes], bool],
    with_thumbnail: bool = True,
) -> ReadImage:
    """Read a file, once, and decode it where its content is wanted.

    A file whose size or time of modification changes meanwhile is bad. Whatever else happens to it
    (a link, other permissions, a file of the same size and time in its place) has the next run read
    it again, since the state that is returned is that of before.

    Args:
        path: the file.
        preprocessing: how an image becomes 299 x 299.
        is_wanted: tells by the SHA-256 of the content whether pixels are wanted.
        with_thumbnail: whether a thumbnail is made.
    """
    before = file_state(path)
    try:
        content = read_file(path)
    except ImageError as error:
        return ReadImage(None, None, error)
    after = file_state(path)
    if before is None or after is None or after.is_modified_since(before):
        return ReadImage(None, None, ImageError(CHANGED))
    digest = hashlib.sha256(content).digest()
    if not is_wanted(digest):
        return ReadImage(before, digest, None)
    return image_of_content(before, digest, content, preprocessing, with_thumbnail=with_thumbnail)


def image_of_content(
    state: FileState | None,
    digest: bytes,
    content: bytes,
    preprocessing: Preprocessing,
    *,
    with_thumbnail: bool,
) -> ReadImage:
    """Decode what was read of a file.

    Args:
        state: of the file, before; None where nobody asks for it.
        digest: SHA-256 of the content.
        content: all of it.
        preprocessing: how an image becomes 299 x 299.
        with_thumbnail: whether a thumbnail is made.
    """
    try:
        with one_large_image_at_a_time():
            image, original = decode_file(
                content, shorter_side=preprocessing.shorter_side, deep=preprocessing.deep
            )
            pixels = preprocessing(image)
            thumbnail = make_thumbnail(image) if with_thumbnail else None
    except ImageError as error:
        return ReadImage(state, digest, error)
    return ReadImage(state, digest, pixels, image_facts(original, pixels), thumbnail)


def own_session(engine: Engine) -> Session:
    """Return a session for the calling thread, on which torch computes alone from now on."""
    compute_alone()
    return engine.session()


def compute_rows(
    session: Session, images: Sequence[Pixels | ImageError]
) -> list[FeatureRow | ImageError]:
    """Compute the rows of images; errors keep their places.

    Args:
        session: of an engine.
        images: up to its batch size, each (299, 299, 3) uint8.

    Returns:
        (4096,) float32 for each image, or its error.
    """
    good = [image for image in images if not isinstance(image, ImageError)]
    rows = iter(session(good)) if good else iter(())
    return [each if isinstance(each, ImageError) else next(rows) for each in images]


def half_row(row: FeatureRow, path: Path) -> NDArray[numpy.float16]:
    """Return a row (4096,) as the cache keeps it, in float16.

    Args:
        row: as an engine computes it.
        path: of the image, for the message.

    Raises:
        WeightsError: a number of it is not finite in float16.
    """
    with numpy.errstate(over="ignore"):
        half: NDArray[numpy.float16] = row.astype("<f2")
    if not numpy.isfinite(half).all():
        raise WeightsError(
            f"the network makes of {path} a number that is not finite in float16, whose largest is "
            f"65504 (the largest of the row is {numpy.max(row):g}). Use other weights."
        )
    return half


def image_row(
    content: bytes, preprocessing: Preprocessing, session: Session
) -> FeatureRow | ImageError:
    """Return the row (4096,) float32 of a file's content, or why it has none."""
    [found] = _compute_seen(session, [see_or_say(content, preprocessing)])
    return found.row if isinstance(found, FoundRow) else found


def row_space(engine: Engine, preprocessing: Preprocessing) -> str:
    """Return what besides the image changes a row, in words."""
    return f"{engine.identity} {preprocessing.identity}"


def stream_rows(
    engine: Engine,
    preprocessing: Preprocessing,
    items: Iterable[ImageInput],
    *,
    from_cache: bool = False,
    tally: FactsTally | None = None,
) -> Iterator[FeatureRow | ImageError]:
    """Map images to rows, in input order, as they come; nothing is written to the cache.

    Args:
        engine: the frozen network.
        preprocessing: how an image becomes 299 x 299.
        items: images. What becomes of one in memory after its step does not matter: a film may
            reuse one for all of its frames.
        from_cache: whether rows of paths are taken from the cache where it has them, rounded to
            float16 as it keeps them. Files that are unchanged are not read then.
        tally: where given, it counts the images that have a row.

    Yields:
        (4096,) float32 for each image, or the error of one that cannot be read.

    Raises:
        TypeError: an item is of another kind.
    """
    cached = CachedRows(row_space(engine, preprocessing)) if from_cache else None
    names: deque[Path | str] = deque()

    def make_worker() -> Work[Path | SeenImage | ImageError, FoundRow | ImageError]:
        session = own_session(engine)
        return lambda batch: _rows_of_batch(session, preprocessing, batch, cached)

    def taken() -> Iterator[Path | SeenImage | ImageError]:
        # Paths are decoded by the workers; what is in memory at once, before the next is asked for.
        for number, item in enumerate(items):
            path = Path(item) if is_path_of_something(item) else None
            names.append(path or image_name(item, number))
            yield path or see_or_say(item, preprocessing)

    workers, batch_size = engine.workers, engine.batch_size
    for found in ordered_map(make_worker, taken(), workers=workers, batch_size=batch_size):
        name = names.popleft()
        if isinstance(found, FoundRow) and tally is not None:
            tally.add([name], numpy.array([found.facts], FACTS))
        yield found.row if isinstance(found, FoundRow) else found


def _rows_of_batch(
    session: Session,
    preprocessing: Preprocessing,
    batch: Sequence[Path | SeenImage | ImageError],
    cached: CachedRows | None,
) -> list[FoundRow | ImageError]:
    paths = [item for item in batch if isinstance(item, Path)]
    unchanged = cached.of_unchanged(paths) if cached else {}
    rows: dict[int, FoundRow | ImageError] = {}
    images: dict[int, SeenImage | ImageError] = {}
    for place, item in enumerate(batch):
        if not isinstance(item, Path):
            images[place] = item
        elif item in unchanged:
            rows[place] = unchanged[item]
        else:
            found = _row_or_content(item, cached)
            if isinstance(found, bytes):
                images[place] = see_or_say(found, preprocessing)
            else:
                rows[place] = found
    rows |= zip(images, _compute_seen(session, list(images.values())), strict=True)
    return [rows[place] for place in range(len(batch))]


def _compute_seen(
    session: Session, images: Sequence[SeenImage | ImageError]
) -> list[FoundRow | ImageError]:
    """Compute the rows of images; errors keep their places."""
    seen = [image for image in images if isinstance(image, SeenImage)]
    rows: Iterable[FeatureRow] = session([image.pixels for image in seen]) if seen else ()
    found = map(FoundRow, rows, (image.facts for image in seen))
    return [next(found) if isinstance(image, SeenImage) else image for image in images]


def _row_or_content(path: Path, cached: CachedRows | None) -> FoundRow | bytes | ImageError:
    """Read a file; return the row that the cache has of its content, or else the content."""
    try:
        content = read_file(path)
    except ImageError as error:
        return error
    row = cached.of_content(content) if cached else None
    return content if row is None else row

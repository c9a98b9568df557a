"""The pass over several views of images that have been read before.

Which images are trained on, and so seen in several ways, is known only when all have been read.
"""

import hashlib
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from torch_inception.engines.protocol import Engine, Session
from torch_inception.errors import ImageError
from torch_inception.features.cache.row_store import RowStore, StoredRow
from torch_inception.features.cached_pass import COMMIT_ROWS, select_rows
from torch_inception.features.image_rows import CHANGED, FeatureRow, half_row, own_session
from torch_inception.features.progress import progress_bar
from torch_inception.features.row_selection import RowSelection
from torch_inception.images.decode import decode_file
from torch_inception.images.facts import ImageFacts, Original, image_facts
from torch_inception.images.limits import one_large_image_at_a_time
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.images.read import read_file
from torch_inception.images.views import View
from torch_inception.system.ordered_map import Work, ordered_map

log = logging.getLogger(__name__)

KeyedRows = dict[bytes, StoredRow]

SeenView = tuple[Pixels, ImageFacts]


class ViewedImage(NamedTuple):
    """An image and how it is looked at.

    Attributes:
        path: its file.
        digest: SHA-256 of the content.
        views: one at least.
    """

    path: Path
    digest: bytes
    views: Sequence[View]


def view_key(digest: bytes, view: View) -> bytes:
    """Return what the row of a view is found by: the image's digest itself for the original."""
    return row_key(digest, view.identity)


def row_key(digest: bytes, identity: str) -> bytes:
    """Do as `view_key`, with the identity of a view."""
    return hashlib.sha256(digest + identity.encode()).digest() if identity else digest


def run_view_pass(
    engine: Engine,
    preprocessing: Preprocessing,
    images: Sequence[ViewedImage],
    *,
    store: RowStore,
    progress: bool = False,
) -> RowSelection:
    """Map images to the rows of their views, computing only those that are not stored.

    Where a file has changed since it was read, or cannot be read any more, that is told, and the
    row of the image itself stands for its other views.

    Args:
        engine: the frozen network.
        preprocessing: how a view becomes 299 x 299.
        images: what is looked at, and how; a file is read once for all of its views.
        store: the rows of the pass before, with those of the images themselves.
        progress: whether to show a bar on standard error.

    Returns:
        the rows of the first image's views, then those of the second's, and so on.

    Raises:
        CacheError: the cache cannot be used.
    """
    missing = missing_views(images, store)
    most = max((len(image.views) for image in missing), default=1)
    results = ordered_map(
        lambda: _make_worker(own_session(engine), engine.batch_size, preprocessing),
        missing,
        workers=engine.workers,
        batch_size=max(1, engine.batch_size // most),
    )
    lost = _store_as_computed(
        progress_bar(results, "views", total=len(missing), show=progress), store
    )
    for image, reason in lost.values():
        log.warning("views: %s: %s; it is seen as it is only", image.path, reason)
    keys = [
        image.digest if image.digest in lost else view_key(image.digest, view)
        for image in images
        for view in image.views
    ]
    return select_rows(store, keys)[0]


def missing_views(images: Sequence[ViewedImage], store: RowStore) -> list[ViewedImage]:
    """Return each content once, with those of its views whose rows are not stored."""
    wanted: dict[bytes, ViewedImage] = {}
    for image in images:
        known = wanted.get(image.digest, image)
        views = dict.fromkeys([*known.views, *image.views])
        wanted[image.digest] = image._replace(views=list(views))
    stored = store.find(
        view_key(image.digest, view) for image in wanted.values() for view in image.views
    )
    missing = [
        image._replace(views=[v for v in image.views if view_key(image.digest, v) not in stored])
        for image in wanted.values()
    ]
    return [image for image in missing if image.views]


class _Result(NamedTuple):
    """What became of an image: rows by their keys, or the error that stands for them."""

    image: ViewedImage
    rows: KeyedRows | ImageError


def _store_as_computed(results: Iterable[_Result], store: RowStore) -> dict[bytes, _Result]:
    """Store rows in portions, also those before an error; return the images without rows."""
    lost: dict[bytes, _Result] = {}
    found: KeyedRows = {}
    try:
        for result in results:
            if isinstance(result.rows, ImageError):
                lost[result.image.digest] = result
                continue
            found |= result.rows
            if len(found) >= COMMIT_ROWS:
                store.append(found)
                found.clear()
    finally:
        store.append(found)
    return lost


def _make_worker(
    session: Session, batch_size: int, preprocessing: Preprocessing
) -> Work[ViewedImage, _Result]:
    def work(batch: Sequence[ViewedImage]) -> list[_Result]:
        seen = [look_at(image, preprocessing) for image in batch]
        pixels = [each for views in seen if isinstance(views, list) for each, _ in views]
        starts = range(0, len(pixels), batch_size)
        rows = chain.from_iterable(session(pixels[start : start + batch_size]) for start in starts)
        return [
            _Result(image, views if isinstance(views, ImageError) else _keyed(image, views, rows))
            for image, views in zip(batch, seen, strict=True)
        ]

    return work


def _keyed(image: ViewedImage, views: Sequence[SeenView], rows: Iterator[FeatureRow]) -> KeyedRows:
    return {
        view_key(image.digest, view): StoredRow(half_row(next(rows), image.path), facts)
        for view, (_, facts) in zip(image.views, views, strict=True)
    }


def look_at(image: ViewedImage, preprocessing: Preprocessing) -> list[SeenView] | ImageError:
    """Return what the network sees of each view of an image, or why it cannot be seen."""
    try:
        with one_large_image_at_a_time():
            whole, original = _decode(image, preprocessing)
            pixels = [preprocessing(view(whole)) for view in image.views]
    except ImageError as error:
        return error
    return [(each, image_facts(original, each)) for each in pixels]


def _decode(image: ViewedImage, preprocessing: Preprocessing) -> tuple[Image.Image, Original]:
    """Decode the file; its content is let go of before there are further copies of the pixels."""
    content = read_file(image.path)
    if hashlib.sha256(content).digest() != image.digest:
        raise ImageError(CHANGED)
    side = preprocessing.shorter_side
    if side is not None:
        # A window needs the detail of the whole image.
        side = math.ceil(side / min(1, *(view.scale for view in image.views)))
    return decode_file(content, shorter_side=side, deep=preprocessing.deep)

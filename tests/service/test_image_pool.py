"""Batches are gathered, and no slow or large image holds up another."""

import threading
from concurrent.futures import wait

import numpy
import pytest
from PIL import Image

from tests.drawings import encoded
from tests.service.asking import ColourModel, Gateway, bad, colour_shares
from torch_inception.errors import ImageError
from torch_inception.images.decode import to_image
from torch_inception.images.limits import one_large_image_at_a_time, wait_for_memory
from torch_inception.images.preprocess import Preprocessing
from torch_inception.service.image_pool import ImagePool
from torch_inception.service.served_model import Session


def plain(red: int) -> bytes:
    return encoded(Image.new("RGB", (9, 9), (red, 100, 100)))


def test_each_image_gets_its_own_output_whatever_it_is_computed_with() -> None:
    model = ColourModel()
    pool = ImagePool(model)
    contents = [plain(red) for red in range(100)]
    jobs = [pool.submit(content) for content in contents]
    for content, job in zip(contents, jobs, strict=True):
        expected = colour_shares(Preprocessing()(to_image(content)))
        assert numpy.array_equal(job.result(30).output, expected)
    pool.close()
    assert sum(model.batches) == 100


def test_images_that_come_together_are_computed_together() -> None:
    gateway = Gateway()
    model = ColourModel(before_batch=gateway.wait, workers=1)
    pool = ImagePool(model)
    first = pool.submit(plain(1))
    assert gateway.reached.acquire(timeout=30)
    others = [pool.submit(plain(red)) for red in range(6)]
    seen = threading.Event()
    pool.submit(b"no image").add_done_callback(lambda job: seen.set())  # it is decoded after them
    assert seen.wait(30)
    gateway.open()
    wait([first, *others])
    pool.close()
    assert model.batches == [1, 4, 2]


def test_an_image_that_is_slow_to_decode_holds_up_no_other() -> None:
    gateway, slow = Gateway(), plain(200)
    model = ColourModel(before_seeing=lambda image: gateway.wait() if image == slow else None)
    pool = ImagePool(model)
    late = pool.submit(slow)
    assert gateway.reached.acquire(timeout=30)
    for red in range(8):
        pool.submit(plain(red)).result(30)
    assert not late.done()
    gateway.open()
    late.result(30)
    pool.close()


def test_large_images_hold_up_no_small_one() -> None:
    """The decoder takes one large image at a time; those that wait for it do so by themselves."""
    large = encoded(Image.new("RGB", (5000, 4000)), "BMP")
    pool = ImagePool(ColourModel())
    with one_large_image_at_a_time():
        wait_for_memory(2**28)  # as if this thread decoded one
        waiting = [pool.submit(large) for _ in range(5)]
        for red in range(8):
            pool.submit(plain(red)).result(30)
        assert not any(job.done() for job in waiting)
    for job in waiting:
        job.result(60)
    pool.close()


def test_a_bad_image_is_its_own_error_and_no_batch_waits_for_it() -> None:
    model = ColourModel(before_seeing=lambda image: bad() if image == b"bad" else None)
    pool = ImagePool(model)
    jobs = [pool.submit(b"bad" if number % 2 else plain(number)) for number in range(10)]
    for number, job in enumerate(jobs):
        if number % 2:
            with pytest.raises(ImageError, match="refused by the test"):
                job.result(30)
        else:
            job.result(30)
    pool.close()


def test_a_session_that_cannot_be_had_is_told_for_each_image() -> None:
    class Broken(ColourModel):
        def session(self) -> Session:
            raise RuntimeError("no session")

    pool = ImagePool(Broken())
    for _ in range(3):
        with pytest.raises(RuntimeError, match="no session"):
            pool.submit(plain(1)).result(30)
    pool.close()


def test_what_was_taken_is_finished_when_it_is_closed() -> None:
    model = ColourModel()
    pool = ImagePool(model)
    jobs = [pool.submit(plain(red)) for red in range(20)]
    pool.close()
    assert all(job.done() and job.exception() is None for job in jobs)

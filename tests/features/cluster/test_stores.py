"""Images and shards in an object store: the rows and reasons are those of files on disks.

The store is moto's imitation of S3. It is asked for by the variable `MOTO_SERVER`, the path of a
`moto_server` from an environment of its own, or found on the path.
"""

import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from pyarrow import fs

from tests.fakes import FakeEngine
from tests.features.cluster.conftest import COMMAND
from tests.features.cluster.folders import draw_shades, odd_animals
from tests.features.cluster.one_process import compute
from torch_inception.errors import ClusterError
from torch_inception.features.cluster import object_store
from torch_inception.features.cluster.listing import list_folder, list_store
from torch_inception.features.cluster.missing import find_missing
from torch_inception.features.cluster.object_store import ObjectStore
from torch_inception.features.cluster.shard_folders import open_folder
from torch_inception.features.cluster.shards import Shards
from torch_inception.features.image_rows import row_space
from torch_inception.images.preprocess import Preprocessing

SERVER = os.environ.get("MOTO_SERVER") or shutil.which("moto_server")

pytestmark = pytest.mark.skipif(not SERVER, reason="there is no moto_server")


class Store(NamedTuple):
    """An imitation of S3, and what its addresses end in."""

    system: fs.FileSystem
    options: str

    def at(self, place: str) -> str:
        """Return the address of a place in it."""
        return f"s3://{place}?{self.options}"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Give a store with an empty bucket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert SERVER is not None
    server = subprocess.Popen([SERVER, "-p", address.partition(":")[2]], stderr=subprocess.DEVNULL)
    try:
        wait_for(address)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                patch.setenv(name, "anything")
            system = fs.S3FileSystem(
                endpoint_override=address, scheme="http", allow_bucket_creation=True
            )
            system.create_dir("bucket")
            yield Store(system, f"endpoint_override={address}&scheme=http")
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(200):
        try:
            socket.create_connection((host, int(port))).close()
            return
        except OSError:
            time.sleep(0.2)


@pytest.fixture
def images(store: Store, tmp_path: Path) -> Path:
    """Make a folder of good and odd images, and put the same into the bucket."""
    folder = tmp_path / "images"
    draw_shades(folder / "good", 20)
    (folder / "odd").mkdir()
    for animal in odd_animals():
        path = animal.release(folder / "odd")
        try:
            is_object = path.is_file() and path.name.encode("utf-8")
        except UnicodeEncodeError:
            is_object = False
        if not is_object:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    fs.copy_files(str(folder), "bucket/images", destination_filesystem=store.system)
    with store.system.open_output_stream("bucket/images/good/.hidden") as stream:
        stream.write(b"x")
    return folder


@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_rows_and_reasons_are_those_of_files_on_disks(
    store: Store, images: Path, tmp_path: Path
) -> None:
    space = row_space(FakeEngine(), Preprocessing())
    on_disks = Shards(open_folder(str(tmp_path / "shards")), space)
    in_store = Shards(open_folder(store.at("bucket/shards")), space)
    found = []
    for shards, listing, start in (
        (on_disks, list_folder(images), f"{images}/"),
        (in_store, list_store(ObjectStore(store.at("bucket/images"))), "s3://bucket/images/"),
    ):
        compute(listing, shards, find_missing(listing, shards))
        assert find_missing(listing, shards).views == {}
        rows = {}
        for name in shards.names():
            table = shards.table(name)
            assert table is not None
            for row in table.to_pylist():
                path = row.pop("path").removeprefix(start)
                rows[path] = row | {"modified": 0, "changed": 0}
        found.append(rows)
    assert len(found[0]) > 80
    assert found[0] == found[1]
    # A shard that is cut short is an object like any other.
    name = in_store.names()[0]
    in_store.folder.write(name, b"PAR1")
    assert in_store.keys(name) is None
    assert name not in in_store.names()


def test_the_command_reads_and_writes_a_store(store: Store, images: Path) -> None:
    place, shards = store.at("bucket/images/good"), store.at("bucket/more")
    command = [sys.executable, "-c", COMMAND, place, "--shards", shards]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "20 rows computed, 0 of them without features, in s3://bucket/more" in done.stdout
    folder = open_folder(shards)
    names = [each.path for each in store.system.get_file_info(fs.FileSelector("bucket/more"))]
    assert {Path(name).name for name in names} == set(folder.names())
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "computed" not in again.stdout


def test_a_store_that_does_not_answer_is_told_of_while_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(object_store, "TELL_SECONDS", 0.1)
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        store = ObjectStore(f"s3://bucket/images?endpoint_override={address}&scheme=http")

        def close_when_told() -> None:
            while "waiting for" not in caplog.text:
                time.sleep(0.05)
            silent.close()

        closing = threading.Thread(target=close_when_told)
        closing.start()
        with pytest.raises(ClusterError, match="^s3://bucket/images cannot be listed"):
            list_store(store)
        closing.join()
    assert "waiting for the names of the files in s3://bucket/images" in caplog.text
    assert address not in caplog.text  # options may be nobody's business


def test_what_is_not_there_has_no_files(store: Store) -> None:
    for place in ("bucket/nothing", "no-such-bucket/images"):
        assert len(list_store(ObjectStore(store.at(place)))) == 0

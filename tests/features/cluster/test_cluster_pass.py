"""What a pass tells and raises, whatever computes it: here one process, without Ray."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from tests.fakes import FakeEngine
from tests.features.cluster.folders import draw_shades
from tests.features.cluster.one_process import PREPROCESSING, OneProcess
from torch_inception.engines.protocol import Engine, Rows
from torch_inception.errors import ClusterError, WeightsError
from torch_inception.features.cluster import cluster_pass
from torch_inception.features.cluster.cluster_pass import (
    ClusterPass,
    open_shards,
    run_cluster_pass,
)
from torch_inception.features.cluster.listing import list_folder
from torch_inception.images.preprocess import Pixels


class InfiniteEngine(FakeEngine):
    """Gives what is not finite in float16."""

    def rows(self, images: Sequence[Pixels]) -> Rows:
        """Map images to rows."""
        return numpy.full_like(super().rows(images), 1e6)


@pytest.fixture(autouse=True)
def images(tmp_path: Path) -> None:
    """Make nine files, one of which is no image."""
    draw_shades(tmp_path / "images", 8)
    (tmp_path / "images" / "none.jpg").touch()


def run(folder: Path, connection: OneProcess, engine: Engine | None = None) -> ClusterPass:
    """Have their rows computed, in blocks of four."""
    engine = engine or FakeEngine()
    return run_cluster_pass(
        engine,
        PREPROCESSING,
        list_folder(folder / "images"),
        open_shards(str(folder / "shards"), engine, PREPROCESSING),
        connection=connection,
    )


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Have a pass tell how far it is after each block."""
    monkeypatch.setattr(cluster_pass, "TELL_SECONDS", 0)
    caplog.set_level("INFO")


def test_rows_are_counted_and_a_second_pass_has_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = run(tmp_path, OneProcess())
    assert (done.computed, done.present, len(done.skipped)) == (8, 0, 1)
    assert "cluster: 9 rows computed, 1 of them without features, in" in caplog.text
    done = run(tmp_path, OneProcess(most_blocks=0))
    assert (done.computed, done.present, len(done.skipped)) == (0, 9, 1)


def test_how_far_a_pass_is_is_told_where_there_is_no_bar(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, OneProcess())
    told = re.findall(
        r"cluster: (\d+) of 9 rows computed, [\d.]+ a second, [\d:]+ left", caplog.text
    )
    assert told == ["4", "8", "9"]


@pytest.mark.parametrize(
    ("count", "named"), [(1, "a"), (3, "a, b, c"), (4, "a, b, c, ..."), (9, "a, b, c, ...")]
)
def test_few_machines_are_named(
    count: int, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, OneProcess("abcdefghi"[:count]))
    machines = "machine" if count == 1 else "machines"
    assert f"9 rows to compute, on 1 slot of {count} {machines} ({named})" in caplog.text


def test_rows_that_do_not_come_are_told_and_computed_by_the_same_command(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"^4 of 9 rows have come\. Run the same command again"):
        run(tmp_path, OneProcess(most_blocks=1))
    done = run(tmp_path, OneProcess())
    assert (done.computed, done.present, len(done.skipped)) == (5, 4, 1)


def test_what_is_wrong_with_the_weights_is_told_as_on_one_machine(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"shade 0000\.bmp a number that is not finite"):
        run(tmp_path, OneProcess(), InfiniteEngine())
    assert list((tmp_path / "shards").iterdir()) == []

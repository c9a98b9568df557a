"""Two raylets compute what one process does, bit for bit."""

import os
import re
from pathlib import Path

import pytest
import torch

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from pyarrow import dataset, parquet

from tests.drawings import draw_colours
from tests.fakes import FakeEngine
from tests.features.cluster.conftest import RunFeatures
from tests.features.cluster.folders import odd_animals
from torch_inception.commands import train
from torch_inception.system.cache_folder import CACHE_VARIABLE

# Ray leaves sockets and files open.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Ray's clusters are on Linux and macOS"),
]


@pytest.mark.filterwarnings("ignore::Warning:PIL")
def test_a_training_of_300_images_and_odd_files_is_that_of_one_process_bit_for_bit(
    cluster: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data"
    draw_colours(data, count=100)
    (data / "odd").mkdir()
    for animal in odd_animals():
        animal.release(data / "odd")
    common = ["--data", str(data), "--no-report", "--views", "2"]
    local, run = tmp_path / "local", tmp_path / "run"
    assert train.main([*common, "--output", str(local)], engine=FakeEngine()) == 0
    capsys.readouterr()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "another cache"))
    more = ["--cluster", cluster, "--shards", str(tmp_path / "shards")]
    assert train.main([*common, "--output", str(run), *more], engine=FakeEngine()) == 0
    out = capsys.readouterr().out
    # Images, and then their other views.
    assert out.count("on 2 slots of 2 machines (127.0.0.2, 127.0.0.3)") == 2
    assert re.search(r"\nfeatures: 3\d\d computed, 0 reused", out)
    for name in ("splits.csv", "predictions.csv", "skipped.csv", "held_out.csv", "scores.csv"):
        assert (run / name).read_bytes() == (local / name).read_bytes()
    models = [torch.load(folder / "model.pt", weights_only=True) for folder in (local, run)]
    for model in models:
        del model["training"]["created"]
    assert plain(models[0]) == plain(models[1])
    capsys.readouterr()

    # Once more: nothing is asked of the cluster, wherever it may be.
    more[1] = "nowhere:1"
    assert train.main([*common, "--output", str(run), *more], engine=FakeEngine()) == 0
    assert "features: 0 computed" in capsys.readouterr().out


def plain(value: object) -> object:
    """Return a value whose tensors are bytes, to be compared."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.numpy().tobytes()
    return value


def test_the_pass_alone_leaves_a_data_set_and_computes_only_what_is_new(
    cluster: str, run_features: RunFeatures, colours: Path, tmp_path: Path
) -> None:
    status, out, _ = run_features("--cluster", cluster)
    assert status == 0
    assert "90 rows computed, 0 of them without features" in out
    table = dataset.dataset(str(tmp_path / "shards")).to_table(columns=["path", "label"])
    labels = dict(zip(table["path"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert len(labels) == len(table) == 90
    assert labels[str(colours / "red" / "red_00.png")] == "red"
    (colours / "red" / "new.jpg").write_bytes(b"")
    status, out, _ = run_features("--cluster", cluster)
    assert status == 0
    assert "90 rows in" in out
    assert "1 row computed, 1 of them without features" in out
    # It was read; that it is no image is known.
    status, out, error = run_features("--cluster", cluster)
    assert "computed" not in out
    assert f"skipped: {colours / 'red' / 'new.jpg'}: the file is empty" in error


def test_shards_among_the_images_are_refused(run_features: RunFeatures, colours: Path) -> None:
    for place in (colours, colours / "red" / "shards"):
        status, _, error = run_features("--shards", str(place))
        assert status == 1
        assert error.startswith(f"error: shards = {str(place)!r} lies in data = {str(colours)!r}")
        assert error.count("\n") == 1


def test_a_shard_that_is_damaged_inside_is_computed_by_the_cluster_again(
    cluster: str,
    colours: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shards = tmp_path / "shards"
    flags = ["--data", str(colours), "--cluster", cluster, "--shards", str(shards), "--no-report"]
    assert train.main([*flags, "--output", str(tmp_path / "one")], engine=FakeEngine()) == 0
    damaged = sorted(shards.glob("*.parquet"))[0]
    rows = parquet.read_metadata(damaged).num_rows  # the last block has fewer
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1  # within the rows, which have most of the bytes
    damaged.write_bytes(content)
    capsys.readouterr()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "another cache"))
    assert train.main([*flags, "--output", str(tmp_path / "two")], engine=FakeEngine()) == 0
    out, error = capsys.readouterr()
    assert "is not whole" in error
    assert f"cluster: {rows} rows computed" in out
    assert f"features: {rows} computed, {90 - rows} reused" in out
    assert len(dataset.dataset(str(shards)).to_table(columns=["path"])) == 90

"""Files of tensors: read whole or refused, whatever the program around has set."""

import os
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.robustness.hostile import old_format
from torch_inception.system.tensor_file import SIZE_LIMIT, load_tensors, plain_tensor, save_whole


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pt"


def content() -> dict[str, Any]:
    numbers = torch.arange(6.0).reshape(2, 3)
    kernel = torch.arange(24.0).reshape(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    plain = {"list": [1, 2.5, "text", None, True], "tuple": (0.1, -1)}
    return {
        "numbers": numbers,
        "row": numbers[1],
        "kernel": kernel,
        "none": torch.zeros(0),
        **plain,
    }


def assert_is_content(found: Any) -> None:  # noqa: ANN401
    assert found.keys() == content().keys()
    for name, value in content().items():
        if isinstance(value, Tensor):
            assert torch.equal(found[name], value)
            assert (found[name].dtype, found[name].device) == (value.dtype, value.device)
            assert found[name].stride() == value.stride()
        else:
            assert found[name] == value


def test_what_was_saved_is_loaded(path: Path) -> None:
    save_whole(content(), path)
    assert_is_content(load_tensors(path))


def test_equal_contents_are_equal_files_wherever_they_lie(tmp_path: Path) -> None:
    paths = [tmp_path / "one.pt", tmp_path / "sub" / "other.pth"]
    for path in paths:
        save_whole(content(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@contextmanager
def defaults() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)


@contextmanager
def no_checksums() -> Iterator[None]:
    torch.serialization.set_crc32_options(False)
    try:
        yield
    finally:
        torch.serialization.set_crc32_options(True)


@contextmanager
def unsafe_loading() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        yield


SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "dtype and device": defaults,
    "no gradients": torch.inference_mode,
    "no checksums": no_checksums,
    "unsafe loading": unsafe_loading,
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_the_program_around_change_nothing(setting: str, path: Path) -> None:
    wanted = content()
    with SETTINGS[setting]():
        save_whole(wanted, path)
        found = load_tensors(path)
    assert_is_content(found)
    assert_is_content(load_tensors(path))


def test_code_is_not_run_where_the_program_around_loads_unsafely(path: Path) -> None:
    torch.save({"x": Path("x")}, path)
    told = r"more than tensors and plain values: pathlib\.\w+$"
    with unsafe_loading(), pytest.raises(ValueError, match=told):
        load_tensors(path)


@pytest.mark.parametrize(
    "save", [torch.save, lambda state, path: path.write_bytes(old_format(state))]
)
def test_what_belongs_to_a_state_dict_comes_along(
    save: Callable[[object, Path], object], path: Path
) -> None:
    state = nn.Linear(2, 3).state_dict()
    assert isinstance(state, OrderedDict)
    save(state, path)
    found = load_tensors(path)
    assert found._metadata == {"": {"version": 1}}
    assert found.keys() == state.keys()
    assert torch.equal(found["weight"], state["weight"])


def test_a_single_bit_of_a_plain_value_is_noticed(path: Path) -> None:
    save_whole({"std": (0.25, 0.25, 0.25)}, path)
    whole = path.read_bytes()
    # A quarter, big-endian, as pickle writes it.
    place = whole.index(bytes.fromhex("3fd0000000000000"))
    path.write_bytes(whole[:place] + b"\x3e" + whole[place + 1 :])
    assert torch.load(path, weights_only=True)["std"] != (0.25, 0.25, 0.25)  # torch notices nothing
    with pytest.raises(ValueError, match="it is damaged: archive/data.pkl has another checksum"):
        load_tensors(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "or it is damaged"),
        (b"some text", "or it is damaged"),
        (b"PK\3\4 cut short", "or it is damaged"),
        (b"\x80\x02}q\0.", "or it is damaged"),
    ],
)
def test_what_torch_did_not_write_is_refused(content: bytes, told: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        load_tensors(path)


def test_a_program_is_refused(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have another kind of program
        torch.jit.save(torch.jit.script(nn.Linear(2, 3)), path)
        with pytest.raises(ValueError, match="not a file of tensors"):
            load_tensors(path)


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ValueError, match="it is not a regular file"):
        load_tensors(path)


def test_a_file_that_is_far_too_large_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    with pytest.raises(ValueError, match="it is larger than 1024 MiB"):
        load_tensors(path)


def test_what_hangs_on_a_tensor_is_left_behind(path: Path) -> None:
    parameter = nn.Parameter(torch.arange(3.0))
    parameter.detach = "hidden"  # type: ignore[assignment, method-assign]
    torch.save(parameter, path)
    found = plain_tensor(load_tensors(path))
    assert type(found) is Tensor
    assert not found.requires_grad
    assert torch.equal(found.detach(), torch.arange(3.0))


@pytest.mark.parametrize("kind", ["sparse", "meta", "nested", "list"])
def test_what_is_no_plain_tensor_is_refused(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nested tensors are young
        values = {
            "sparse": torch.zeros(3).to_sparse(),
            "meta": torch.zeros(3, device="meta"),
            "nested": torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)]),
            "list": [1.0],
        }
    with pytest.raises(ValueError, match="another kind than plain numbers|a list, not a tensor"):
        plain_tensor(values[kind])

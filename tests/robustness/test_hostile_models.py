"""A `model.pt` from a stranger: refused with a message or loaded, and nothing in it is run."""

import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.fakes import FAKE_RECORD
from tests.robustness.hostile import (
    archive,
    calls,
    mutations,
    odd_tensors,
    old_format,
)
from torch_inception.classifier.model_file import FORMAT, Model, load_model, save_model
from torch_inception.errors import ModelError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAST_LAYER_SIZE

Content = dict[str, Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A model of three classes."""
    weight = torch.linspace(-1, 1, 3 * LAST_LAYER_SIZE).reshape(3, LAST_LAYER_SIZE)
    head = Head(weight, torch.tensor([0.1, -0.2, 0.3]))
    refused = (("imagenet", "no network"),)
    path = tmp_path / "model.pt"
    model = Model(
        list("rgb"), head, Preprocessing(), FAKE_RECORD, refused=refused,
        coverage={0.9: 0.2, 0.95: 0.0},
    )  # fmt: skip
    save_model(model, path)
    return path


def content_of(file: Path) -> Content:
    content: Content = torch.load(file, weights_only=True)
    return content


def is_shown_safely(text: str) -> bool:
    return len(text) < 1000 and all(c.isprintable() or c == "\n" for c in text)


HUGE = "\x1b[2J" * 250_000

RECORDS: list[Content] = [
    {"pooling": "max"}, {"pooling": HUGE}, {"pooling": ["tensorflow"]}, {"source": 7},
    {"source": ""}, {"source": HUGE}, {"version": None}, {"fingerprint": "0" * 63},
    {"fingerprint": "F" * 64}, {"fingerprint": HUGE}, {"fingerprint": "0" * 64 + "\n"},
    {"fingerprint": 0}, {"mean": (0.5, 0.5)}, {"mean": (0.5, 0.5, float("nan"))}, {"mean": "abc"},
    {"mean": torch.zeros(3)}, {"std": (0.5, 0.5, 0.0)}, {"std": (1.0, -1.0, 1.0)},
    {"std": (0.5, 0.5, float("inf"))}, {"std": (True, True, True)}, {"surplus": 1},
]  # fmt: skip

VALUES: dict[str, list[Any]] = {
    "labels": [
        [], ["a", "b"], ["a", "b", 3], ["a", "b", ""], ["a", "b", ["c"]], "abc", ("a", "b", "c"),
        ["a", "b", HUGE], ["a"] * 400_000, {"a": 1}, None, torch.zeros(3),
    ],
    "weight": [
        torch.zeros(3, 2047), torch.zeros(2048, 3), torch.zeros(0), torch.zeros(3, 2048).double(),
        torch.zeros(3, 2048).half(), torch.zeros(3, 2048).int(), torch.zeros(3, 2048) / 0,
        torch.full((3, 2048), -torch.inf), "text", [[0.0]], None,
        *odd_tensors((3, LAST_LAYER_SIZE)).values(),
    ],
    "bias": [torch.zeros(1), torch.tensor([0, torch.inf, 0]), torch.zeros(3, 1), [0.0] * 3],
    "preprocessing": [
        {"resize": "stretch"}, {"resize": HUGE}, {"resize": ["crop"]}, {"exact_decode": 1},
        {"exact_decode": "yes"}, {"surplus": 1}, {HUGE: 1}, [], "squash", None, torch.zeros(1),
    ],
    "record": [
        *({**FAKE_RECORD.as_dict(), **change} for change in RECORDS),
        {}, None, [], "imagenet", torch.zeros(3),
    ],
    "refused": [
        None, 7, [["imagenet"]], [[1, 2]], [["a", "b", "c"]], ["ab"], {"a": "b"},
        torch.zeros(2, 2),
    ],
    "layers": ["first", "all", HUGE, None, 3, ["last"]],
    "coverage": [
        None, 7, [[0.9]], [[0.5, 0.5]], [[0.9, 1.5]], [[0.9, float("nan")]], [["0.9", 0.5]], HUGE,
        torch.zeros(1, 2),
    ],
    "space": [{}, [], "", 0, False, "space", torch.zeros(()), torch.zeros(2)],
    "training": [{}, [], "", 0, False, "2026", torch.zeros(())],
    "half_features": [1, "yes", None],
    "arithmetic": ["fp64", HUGE, None, ["fp32"], "int8 ../../x", "fp32\n"],
    "format": [99, -1, 10**40, True, "1", None, 1.0, HUGE, torch.ones(1), torch.ones(5)],
}  # fmt: skip

CHANGES = [(key, number) for key, values in VALUES.items() for number in range(len(values))]


@pytest.mark.parametrize(("key", "number"), CHANGES)
def test_a_value_that_training_never_saves_is_refused(file: Path, key: str, number: int) -> None:
    torch.save({**content_of(file), key: VALUES[key][number]}, file)
    with pytest.raises(ModelError, match=r"model\.pt (is|has)") as caught:
        load_model(file)
    assert is_shown_safely(str(caught.value))


def test_a_model_of_no_class_is_refused(file: Path) -> None:
    nothing = {"labels": [], "weight": torch.zeros(0, LAST_LAYER_SIZE), "bias": torch.zeros(0)}
    torch.save({**content_of(file), **nothing}, file)
    with pytest.raises(ModelError, match="labels are not a list of names"):
        load_model(file)


def test_a_model_of_any_key_less_is_refused(file: Path) -> None:
    content = content_of(file)
    # Models of earlier versions have no thresholds of classes.
    for name in set(content) - {"arithmetic", "thresholds"}:
        torch.save({key: value for key, value in content.items() if key != name}, file)
        with pytest.raises(ModelError, match=r"model\.pt is (damaged|not a model)"):
            load_model(file)


@pytest.mark.parametrize("kind", calls(Path("x")))
@pytest.mark.parametrize("style", ["zip", "old"])
@pytest.mark.parametrize("place", ["labels", "surplus"])
def test_code_is_not_run(kind: str, style: str, place: str, file: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = {**content_of(file), place: calls(canary)[kind]}
    if style == "old":
        file.write_bytes(old_format(content))
    else:
        torch.save(content, file)
    with pytest.raises(ModelError, match="more than tensors and plain values"):
        load_model(file)
    assert not canary.exists()


def test_the_canary_would_tell(tmp_path: Path) -> None:
    for kind in ("a shell", "eval", "exec", "a method", "a process"):
        canary = tmp_path / kind
        pickle.loads(pickle.dumps(calls(canary)[kind]))
        assert canary.exists()


PICKLES = {
    "a persistent id of a module": b"\x80\x02(X\6\0\0\0moduleNNNNtQ.",
    "persistent ids in one another": b"\x80\x02(X\7\0\0\0storage(X\7\0\0\0storageNNNNtQNNNtQ.",
    "a name that is built upon": b"\x80\x02ccollections\nOrderedDict\n}b.",
    "a storage that is called": b"\x80\x02ctorch\nFloatStorage\nK\x05\x85R.",
    "a name called in another way": b"\x80\x02cos\nsystem\n)\x81.",
    "a global of a later protocol": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "an extension": b"\x80\x02\x82\x01.",
    "a memory place without end": b"\x80\x02Nr\xff\xff\xff\xff.",
    "nothing on the stack": b"\x80\x02.",
    "a mark too few": b"\x80\x02Nt.",
    "an item too many": b"\x80\x02]0000.",
    "a text without end": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "no end": b"\x80\x02}",
    "a number": b"\x80\x02K\x05.",
    "a format alone": b"\x80\x02}X\6\0\0\0formatK%cs." % FORMAT,
    "a list in itself": b"\x80\x02}(X\6\0\0\0formatK%cX\6\0\0\0labels]q\0h\0au." % FORMAT,
    "a format in itself": b"\x80\x02}X\6\0\0\0format]q\0h\0as.",
    "a deep format": b"\x80\x02}X\6\0\0\0format" + b"]" * 100_000 + b"a" * 99_999 + b"s.",
}


@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_that_torch_never_writes_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model|is damaged") as caught:
        load_model(archive(tmp_path / "model.pt", PICKLES[kind]))
    assert is_shown_safely(str(caught.value))


def test_a_dictionary_that_hides_its_own_methods_is_refused(file: Path) -> None:
    hiding = OrderedDict(content_of(file))
    hiding.get = hiding.keys = 5  # type: ignore[assignment, method-assign]
    for content in (hiding, {**content_of(file), "record": hiding, "preprocessing": hiding}):
        torch.save(content, file)
        with pytest.raises(ModelError, match=r"model\.pt is (damaged|not a model)"):
            load_model(file)


def test_a_file_that_is_far_too_large_is_not_read(file: Path) -> None:
    with file.open("r+b") as sparse:
        sparse.truncate(5 * 2**30)
    with pytest.raises(ModelError, match="it is larger than 1024 MiB"):
        load_model(file)


def test_damage_is_noticed_or_does_not_matter(file: Path, tmp_path: Path, long: bool) -> None:
    whole, content = load_model(file), file.read_bytes()
    refused = 0
    number = 10_000 if long else 300
    for damaged in mutations(content, seed=0, number=number):
        file.write_bytes(damaged)
        try:
            loaded = load_model(file)
        except ModelError as error:
            refused += 1
            assert is_shown_safely(str(error))
            continue
        assert torch.equal(loaded.head.weight, whole.head.weight)
        assert torch.equal(loaded.head.bias, whole.head.bias)
        assert (loaded.labels, loaded.record) == (whole.labels, whole.record)
        assert loaded.preprocessing == whole.preprocessing
    assert number // 2 < refused <= number


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop"])
@pytest.mark.timeout(60)
def test_what_is_no_file_is_no_model(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    make: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path), "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"), "loop": lambda: path.symlink_to(path),
    }  # fmt: skip
    make[kind]()
    with pytest.raises(ModelError, match="there is no model"):
        load_model(path)

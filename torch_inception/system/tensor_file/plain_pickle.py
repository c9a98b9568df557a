"""The part of pickle that `torch.save` needs for tensors and plain values, and no more.

torch's own reader for files from strangers (`weights_only=True`) lets a file call some hundred
things, among them some that a file of a few bytes fills the memory with. Here a file can name the
six in `_REBUILD`, and none of them is called by it.
"""

import math
import pickletools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import torch
from torch import Tensor

from torch_inception.system.escape import brief

Storage = Callable[[torch.dtype, str, int], Tensor]
"""(dtype, key, number of elements) -> the storage of that key, as a tensor (N,) of that dtype."""

OPERATIONS = 1_000_000
"""Longest pickle that is read. A model of 100,000 classes, 8 kB each, needs some 300,000."""

_ARGUMENTS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"}
"""Operations that push what is written behind them."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}

_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}

_STORAGES = {
    f"{module} {name}Storage": dtype
    for module in ("torch", "torch.cuda")
    for name, dtype in {
        "Double": torch.float64, "Float": torch.float32, "Half": torch.float16,
        "BFloat16": torch.bfloat16, "Long": torch.int64, "Int": torch.int32,
        "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8, "Bool": torch.bool,
    }.items()
}  # fmt: skip


class UnsafeError(ValueError):
    """A file is refused for what it holds; the message says what."""


def unpickle(file: BinaryIO, storage: Storage) -> Any:  # noqa: ANN401 - whatever was saved
    """Return what the pickle at the file's position stands for; the next one begins behind it.

    Args:
        file: open for reading.
        storage: gives the numbers of tensors.

    Raises:
        UnsafeError: it holds more than tensors, dictionaries by names, lists and plain values.
        ValueError, TypeError, LookupError, RuntimeError: it is damaged.
    """
    machine = _Machine(storage)
    for count, (operation, argument, _) in enumerate(pickletools.genops(file)):
        if count >= OPERATIONS:
            raise UnsafeError("it holds too many values")
        machine.step(operation.name, argument)
    return machine.stack.pop()


class StateDict(dict[str, Any]):
    """An ordered dictionary in a file, with what it remembers beside its entries.

    Attributes:
        metadata: what torch calls `_metadata` in a state dict; plain values.
    """

    metadata: Mapping[str, Any] = MappingProxyType({})


class _Global:
    """A name of something in a module, as the file writes it."""

    def __init__(self, name: str) -> None:
        if name not in _STORAGES and name not in _REBUILD:
            raise UnsafeError(f"it holds more than tensors and plain values: {brief(name)}")
        self.name = name


class _Machine:
    """The stack that pickle's operations work on."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self.stack: list[Any] = []

    def step(self, name: str, argument: Any) -> None:  # noqa: ANN401
        """Do one operation."""
        if name in _ARGUMENTS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            self.stack.append(tuple(self._pop(_TUPLES[name])))
        else:
            do = _OPERATIONS.get(name)
            if do is None:
                raise UnsafeError(f"it holds more than tensors and plain values: {name}")
            do(self, argument)

    def _pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise IndexError
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def _pop_marked(self) -> list[Any]:
        return self._pop(len(self.stack) - self._marks.pop())

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError
        self.stack[-1].extend(items)

    def _update(self, items: list[Any]) -> None:
        keys, values = items[::2], items[1::2]
        # A key of nested tuples would be hashed without end.
        if not isinstance(self.stack[-1], dict) or not all(type(key) is str for key in keys):
            raise UnsafeError("it holds a dictionary whose keys are not names")
        self.stack[-1].update(zip(keys, values, strict=True))

    def _remember(self, number: int) -> None:
        self._memo[number] = self.stack[-1]

    def _build(self) -> None:
        remembered = self.stack.pop()
        if not isinstance(self.stack[-1], StateDict):
            raise UnsafeError("it holds more than tensors and plain values: BUILD")
        metadata = remembered.get("_metadata") if isinstance(remembered, dict) else None
        if isinstance(metadata, dict):
            self.stack[-1].metadata = metadata

    def _reduce(self) -> None:
        function, arguments = self._pop(2)
        if type(function) is not _Global or function.name not in _REBUILD:
            raise UnsafeError("it holds more than tensors and plain values: REDUCE")
        self.stack.append(_REBUILD[function.name](*arguments))

    def _numbers(self) -> None:
        kind, of, key, _, numel, *view = self.stack.pop()
        is_plain = kind == "storage" and type(of) is _Global and view in ([], [None])
        if not is_plain or type(key) is not str or type(numel) is not int or numel < 0:
            raise UnsafeError("it holds more than tensors and plain values: BINPERSID")
        self.stack.append(self._storage(_STORAGES[of.name], key, numel))


_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine._marks.append(len(machine.stack)),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine._pop_marked())),
    "APPEND": lambda machine, _: machine._extend(machine._pop(1)),
    "APPENDS": lambda machine, _: machine._extend(machine._pop_marked()),
    "SETITEM": lambda machine, _: machine._update(machine._pop(2)),
    "SETITEMS": lambda machine, _: machine._update(machine._pop_marked()),
    "BINGET": lambda machine, number: machine.stack.append(machine._memo[number]),
    "LONG_BINGET": lambda machine, number: machine.stack.append(machine._memo[number]),
    "BINPUT": lambda machine, number: machine._remember(number),
    "LONG_BINPUT": lambda machine, number: machine._remember(number),
    "GLOBAL": lambda machine, name: machine.stack.append(_Global(name)),
    "REDUCE": lambda machine, _: machine._reduce(),
    "BUILD": lambda machine, _: machine._build(),
    "BINPERSID": lambda machine, _: machine._numbers(),
}


def _tensor(
    storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    # One number that stands for millions takes no room in the file, and all of it when used.
    if math.prod(size) > len(storage):
        raise UnsafeError("it holds a tensor with more elements than are saved of it")
    return torch.as_strided(storage, size, stride, offset)


def _empty_state(*arguments: object) -> StateDict:
    if arguments:
        raise UnsafeError("it holds more than tensors and plain values: OrderedDict")
    return StateDict()


_REBUILD: dict[str, Callable[..., object]] = {
    "collections OrderedDict": _empty_state,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": lambda tensor, *_: tensor,
}

"""The pickle inside a PyTorch checkpoint, read without running any of it.

A pickle is a program, and Python's own reader calls whatever it names. This one knows only what
a dictionary of tensors consists of: literals, containers, storages and the three calls that make
a tensor of a storage. Nothing is imported or called; any other name or instruction is refused.
What it takes in time and memory is bounded by the length of the pickle.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ModelFormatError

_STORAGES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_DICTIONARY = "collections.OrderedDict"
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_GLOBALS = {_DICTIONARY, _TENSOR, _PARAMETER, *(f"torch.{name}" for name in _STORAGES)}

_OPCODES = {opcode.code: opcode.name for opcode in pickletools.opcodes}
_LONGEST_NUMBER = 16  # bytes
# A checkpoint needs six. Python lets go of nested values by recursion, for which WebAssembly's
# stack is small.
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Storage:
    """A block of elements that lies in a file of its own in the archive."""

    key: str
    type: str
    """NumPy's or PyTorch's name of the element type, such as ``bfloat16``."""
    n_elements: int


@dataclass(frozen=True, slots=True)
class PickledTensor:
    """A view of a storage: element (i, j, ...) is at offset + i strides[0] + j strides[1] ..."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Global:
    """A name that the pickle asks for; it stands for itself."""

    name: str


class _Mark:
    """Where a tuple, list or dictionary on the stack begins."""


_MARK = _Mark()


def read_pickle(data: bytes) -> object:
    r"""The value that a checkpoint's ``data.pkl`` describes.

    Parameters
    ----------
    data : bytes
        The whole pickle.

    Returns
    -------
    object
        Of dict, list, tuple, str, int, float, bool, None and `PickledTensor`.

    Raises
    ------
    ModelFormatError
        If it is damaged, or asks for anything that no model needs; that is named.

    Examples
    --------
    >>> read_pickle(b"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s.")
    {'a': 1}
    >>> read_pickle(b"\x80\x02cos\nsystem\n.")
    Traceback (most recent call last):
    deep_tree_echo.errors.ModelFormatError: The file's pickle asks for os.system, which no model
    needs; it is refused, and nothing of it has been run.
    """
    return _Machine(data).run()


class _Machine:
    """The stack machine of pickles, as far as checkpoints use it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        # How deep the containers nest, by id; they are kept so that no id comes twice. One that
        # is part of another is complete, or its depth would not be known.
        self._depths: dict[int, int] = {}
        self._containers: list[Any] = []
        self._complete: set[int] = set()

    def run(self) -> object:
        while True:
            begin = self._at
            code = self._bytes(1)
            if code == b".":
                value = self._pop()
                if self._stack or isinstance(value, _Global):
                    raise self._damaged("does not end with one value")
                return value
            step = _STEPS.get(code)
            if step is None:
                name = _OPCODES.get(code.decode("latin-1"))
                if name is None:
                    raise self._damaged(f"has the byte 0x{code.hex()} where an instruction belongs")
                raise ModelFormatError(
                    f"The file's pickle has the instruction {name} at byte {begin}, which no model "
                    "needs; it is refused, and nothing of it has been run."
                )
            step(self)

    # ------------------------------------------------------------------ reading

    def _bytes(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        if len(piece) < size:
            raise self._damaged("ends too early")
        self._at += size
        return piece

    def _number(self, format: str) -> int:
        number: int = struct.unpack(format, self._bytes(struct.calcsize(format)))[0]
        return number

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise self._damaged("ends too early")
        line = self._text(self._data[self._at : end])
        self._at = end + 1
        return line

    def _text(self, encoded: bytes) -> str:
        try:
            return encoded.decode("utf-8")
        except UnicodeDecodeError:
            raise self._damaged("has a text that is not UTF-8") from None

    def _damaged(self, what: str) -> ModelFormatError:
        return ModelFormatError(
            f"The file's pickle {what} (at byte {self._at}); the file is damaged, fetch it again."
        )

    # -------------------------------------------------------------------- stack

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._damaged("takes more values than there are")
        return self._stack.pop()

    def _to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise self._damaged("ends a list that has not begun")

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise self._damaged(f"needs a {kind.__name__} where there is none")
        return self._stack[-1]

    # --------------------------------------------------------------- containers

    def _contain(self, container: Any, values: Sequence[Any]) -> None:
        """Takes note that ``container``, a new or an incomplete one, gets ``values``."""
        depth = self._depths.get(id(container), 0)
        for value in values:
            if isinstance(value, (dict, list, tuple)):
                self._complete.add(id(value))
                depth = max(depth, 1 + self._depths[id(value)])
        if id(container) in self._complete:
            raise self._damaged("changes a value that is part of another one already")
        if depth > _DEEPEST:
            raise self._damaged(f"nests values more than {_DEEPEST} deep")
        if id(container) not in self._depths:
            self._containers.append(container)
        self._depths[id(container)] = depth

    def add(self, container: Any) -> None:
        """Pushes a new container."""
        self._contain(container, container)
        self._stack.append(container)

    # ------------------------------------------------------------- instructions

    def protocol(self) -> None:
        if (version := self._number("<B")) > 5:
            raise self._damaged(f"has the unknown protocol {version}")

    def frame(self) -> None:
        self._bytes(8)

    def mark(self) -> None:
        self._stack.append(_MARK)

    def long(self) -> None:
        size = self._number("<B")
        if size > _LONGEST_NUMBER:
            raise self._damaged(f"has a number of {size} bytes")
        self._stack.append(int.from_bytes(self._bytes(size), "little", signed=True))

    def tuple_of(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self.add(tuple(reversed(values)))

    def set_items(self, values: list[Any]) -> None:
        target = self._top(dict)
        if len(values) % 2:
            raise self._damaged("has a key without a value")
        self._contain(target, values[1::2])
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, (str, int)):
                raise self._damaged("has a key that is neither a text nor a number")
            target[key] = value

    def put(self, index: int) -> None:
        if not self._stack or self._stack[-1] is _MARK:
            raise self._damaged("remembers a value that is not there")
        self._memo[index] = self._stack[-1]

    def get(self, index: int) -> None:
        if index not in self._memo:
            raise self._damaged(f"recalls the value {index}, which it never remembered")
        self._stack.append(self._memo[index])

    def named(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise self._damaged("asks for something whose name is no text")
        whole = f"{module}.{name}"
        if whole not in _GLOBALS:
            raise ModelFormatError(
                f"The file's pickle asks for {_shown(whole)}, which no model needs; it is refused, "
                "and nothing of it has been run."
            )
        self._stack.append(_Global(whole))

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self.named(module, name)

    def persistent(self) -> None:
        """A storage: ("storage", its class, its key, where it was, its elements)."""
        match self._pop():
            case ("storage", _Global(name), str(key), str(), int(n_elements)):
                kind = _STORAGES.get(name.removeprefix("torch."))
                if kind is not None and n_elements >= 0:
                    self._stack.append(Storage(key, kind, n_elements))
                    return
        raise self._damaged("refers to something that is no storage")

    def call(self) -> None:
        """The calls of the allow-list, done by hand."""
        arguments, called = self._pop(), self._pop()
        match called, arguments:
            case _Global(name), () if name == _DICTIONARY:
                self.add({})
            case _Global(name), (
                Storage() as storage,
                int(offset),
                tuple(shape),
                tuple(steps),
                *_,
            ) if name == _TENSOR:
                if not _sizes(offset, *shape, *steps) or len(shape) != len(steps):
                    raise self._damaged("has a tensor without a proper shape")
                self._stack.append(PickledTensor(storage, offset, shape, steps))
            case _Global(name), (PickledTensor() as tensor, *_) if name == _PARAMETER:
                self._stack.append(tensor)
            case _Global(name), _:
                raise self._damaged(f"calls {name} with something else than it takes")
            case _:
                raise self._damaged("calls something that is no function")

    def build(self) -> None:
        """Attributes of a dictionary, such as PyTorch's notes on versions; nobody needs them."""
        self._pop()
        self._top(dict)


def _sizes(*values: object) -> bool:
    return all(type(value) is int and 0 <= value < 1 << 48 for value in values)


def _shown(name: str) -> str:
    """A name from the file as it can stand in a message."""
    short = name if len(name) <= 80 else f"{name[:80]}..."
    return short if short.isprintable() else ascii(short)[1:-1]


def _push(value: Callable[[_Machine], object]) -> Callable[[_Machine], None]:
    return lambda machine: machine._stack.append(value(machine))


_STEPS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _Machine.protocol,
    b"\x95": _Machine.frame,
    b"(": _Machine.mark,
    # Literals.
    b"N": _push(lambda m: None),
    b"\x88": _push(lambda m: True),
    b"\x89": _push(lambda m: False),
    b"J": _push(lambda m: m._number("<i")),
    b"K": _push(lambda m: m._number("<B")),
    b"M": _push(lambda m: m._number("<H")),
    b"G": _push(lambda m: struct.unpack(">d", m._bytes(8))[0]),
    b"\x8a": _Machine.long,
    b"X": _push(lambda m: m._text(m._bytes(m._number("<I")))),
    b"\x8c": _push(lambda m: m._text(m._bytes(m._number("<B")))),
    # Containers.
    b"}": lambda m: m.add({}),
    b"]": lambda m: m.add([]),
    b")": lambda m: m.add(()),
    b"t": lambda m: m.add(tuple(m._to_mark())),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"s": lambda m: m.set_items([m._pop(), m._pop()][::-1]),
    b"u": lambda m: m.set_items(m._to_mark()),
    b"a": lambda m: _append(m, [m._pop()]),
    b"e": lambda m: _append(m, m._to_mark()),
    # The memo.
    b"q": lambda m: m.put(m._number("<B")),
    b"r": lambda m: m.put(m._number("<I")),
    b"\x94": lambda m: m.put(len(m._memo)),
    b"h": lambda m: m.get(m._number("<B")),
    b"j": lambda m: m.get(m._number("<I")),
    # Names, calls and storages.
    b"c": lambda m: m.named(m._line(), m._line()),
    b"\x93": _Machine.stack_global,
    b"Q": _Machine.persistent,
    b"R": _Machine.call,
    b"b": _Machine.build,
}


def _append(machine: _Machine, values: list[Any]) -> None:
    target = machine._top(list)
    machine._contain(target, values)
    target.extend(values)

"""The state of a recurrent model: a value that can be saved, restored and looked into."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .core import address
from .errors import ArgumentError, ModelFormatError
from .wholefile import whole_file

_MAGIC = b"DTESTATE"
_VERSION = 2
# magic, version, ten times the architecture, n_layer, n_embed, n_head, head_size
_HEADER = struct.Struct("<8sI5i")
# the model's fingerprint, zeros if unknown (not in version 1); crc32 of all before it and the data
_FINGERPRINT_BYTES = 16
_CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class StateShape:
    """What a state looks like; models whose shapes agree can exchange states.

    Parameters
    ----------
    architecture : str
        ``4.0``, ``5.1``, ``5.2``, ``6.0`` or ``7.0``.
    n_layer, n_embed : int
        Layers, and width of the residual stream.
    n_head, head_size : int
        Heads of the time mix and their width; 0 for RWKV 4.
    """

    architecture: str
    n_layer: int
    n_embed: int
    n_head: int
    head_size: int
    size: int = field(init=False, repr=False, compare=False)
    """Numbers in the whole state."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self.n_layer * self.layer_size)

    @property
    def layer_size(self) -> int:
        """Numbers in one layer of the state."""
        if self.n_head == 0:
            return 5 * self.n_embed
        return 2 * self.n_embed + self.n_head * self.head_size**2

    def __str__(self) -> str:
        return (
            f"RWKV {self.architecture} with {self.n_layer} layers of {self.n_embed} and "
            f"{self.n_head} heads of {self.head_size}"
        )


class HasStateShape(Protocol):
    """A model, as far as its states are concerned."""

    @property
    def state_shape(self) -> StateShape:
        """What the model's states look like."""

    @property
    def fingerprint(self) -> str:
        """Which model it is, as `Model.fingerprint`; empty if nobody knows."""


class State:
    """Everything a model remembers of a text, in a fixed number of floats.

    A state is a value: nothing changes it after it was made. `Model.eval` gives states, and
    `from_numpy` and `load` make them for a model.

    Examples
    --------
    >>> from deep_tree_echo import Model, State
    >>> model = Model.load()
    >>> logits, state = model.eval(model.encode("Once"))
    >>> again = State.from_numpy(model, state.to_numpy())
    >>> bool((model.eval([2], again)[0] == model.eval([2], state)[0]).all())
    True
    """

    __slots__ = ("_address", "_array", "fingerprint", "shape")

    def __init__(
        self, shape: StateShape, array: NDArray[np.float32], fingerprint: str = ""
    ) -> None:
        """Takes over ``array`` (size,) float32, contiguous, which nobody writes to any more."""
        if array.dtype != np.float32 or array.shape != (shape.size,):
            raise ArgumentError(
                f"array has the shape {array.shape} and the type {array.dtype}; a state of "
                f"{shape} has {shape.size} float32."
            )
        self.shape = shape
        self.fingerprint = fingerprint
        self._array = np.ascontiguousarray(array)
        self._address = address(self._array)
        self._array.setflags(write=False)

    @classmethod
    def from_numpy(cls, model: HasStateShape, array: ArrayLike) -> State:
        """A state of ``model`` from its numbers, which are copied.

        Parameters
        ----------
        model : Model
            The model that the state is for.
        array : array_like
            As many finite numbers as `to_numpy` gives, in any shape.

        Raises
        ------
        ArgumentError
            If their number is another one, or one is not finite.
        """
        shape = model.state_shape
        try:
            if np.iscomplexobj(array):
                raise TypeError("they are complex")
            numbers = np.array(array, dtype=np.float32).reshape(-1)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"array is not made of numbers: {error}.") from error
        if numbers.size != shape.size:
            raise ArgumentError(
                f"array has {numbers.size} numbers; a state of {shape} has {shape.size}."
            )
        if not (finite := np.isfinite(numbers)).all():
            at = int(finite.argmin())
            raise ArgumentError(f"array[{at}] is {numbers[at]}; every number must be finite.")
        return cls(shape, numbers, model.fingerprint)

    def to_numpy(self) -> NDArray[np.float32]:
        """A copy of the numbers, (size,) float32, layer after layer as in ``echo.h``."""
        return self._array.copy()

    @property
    def size(self) -> int:
        """How many float32 numbers it holds."""
        return self._array.size

    @property
    def nbytes(self) -> int:
        """Its memory in bytes."""
        return self._array.nbytes

    def clone(self) -> State:
        """A state of equal numbers in memory of its own."""
        return State(self.shape, self._array.copy(), self.fingerprint)

    def __reduce__(self) -> tuple[type[State], tuple[StateShape, NDArray[np.float32], str]]:
        # A copy or a pickle must not carry the address along.
        return State, (self.shape, self.to_numpy(), self.fingerprint)

    def layers(self) -> list[dict[str, NDArray[np.float32]]]:
        """The parts of every layer by name, as read-only views.

        Returns
        -------
        list of dict
            ``time_shift`` and ``channel_shift`` (n_embed,): the previous inputs of the two
            mixes. Then for RWKV 5, 6 and 7 ``matrix`` (n_head, head_size, head_size), indexed
            (head, key, value), for 7 (head, value, key); for RWKV 4 the numerator ``aa``, the
            denominator ``bb`` and the exponent ``pp``, each (n_embed,).
        """
        shape = self.shape
        names = ["time_shift", "channel_shift"]
        if shape.n_head == 0:
            names += ["aa", "bb", "pp"]
        layers = []
        for row in self._array.reshape(shape.n_layer, shape.layer_size):
            parts = {
                name: row[i * shape.n_embed : (i + 1) * shape.n_embed]
                for i, name in enumerate(names)
            }
            if shape.n_head:
                matrix = row[2 * shape.n_embed :]
                parts["matrix"] = matrix.reshape(shape.n_head, shape.head_size, shape.head_size)
            layers.append(parts)
        return layers

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the state to a file, which appears whole or not at all.

        Raises
        ------
        ArgumentError
            If there is no such folder.
        """
        shape = self.shape
        data = self._array.astype("<f4", copy=False).tobytes()
        head = _HEADER.pack(
            _MAGIC,
            _VERSION,
            round(10 * float(shape.architecture)),
            shape.n_layer,
            shape.n_embed,
            shape.n_head,
            shape.head_size,
        ) + bytes.fromhex(self.fingerprint).ljust(_FINGERPRINT_BYTES, b"\0")
        checksum = _CHECKSUM.pack(zlib.crc32(data, zlib.crc32(head)))
        with whole_file(path) as file:
            for part in (head, checksum, data):
                file.write(part)

    @classmethod
    def load(cls, model: HasStateShape, path: str | os.PathLike[str]) -> State:
        """Reads a state that `save` has written.

        Raises
        ------
        ArgumentError
            If there is no such file.
        ModelFormatError
            If it is not a state file, a damaged one, or the state of another model.

        Warns
        -----
        UserWarning
            If nobody can tell whether the state is this model's: the file was written before
            fingerprints were, or one of the two has none.
        """
        path = Path(path)
        if not path.is_file():
            raise ArgumentError(f"path is {str(path)!r}; there is no such file.")
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
            if head[: len(_MAGIC)] != _MAGIC or len(head) < _HEADER.size:
                raise ModelFormatError(f"{path.name} is not the file of a state; choose another.")
            _, version, architecture, *sizes = _HEADER.unpack(head)
            if version not in (1, _VERSION):
                raise ModelFormatError(
                    f"{path.name} has version {version} of the state format; this package reads "
                    f"the versions 1 and {_VERSION}."
                )
            found = StateShape(f"{architecture // 10}.{architecture % 10}", *sizes)
            if found != (shape := model.state_shape):
                raise ModelFormatError(f"{path.name} belongs to {found}; this model is {shape}.")
            print_of_model = file.read(_FINGERPRINT_BYTES) if version > 1 else b""
            checksum = file.read(_CHECKSUM.size)
            data = file.read(4 * shape.size + 1)
        summed = zlib.crc32(data, zlib.crc32(head + print_of_model) if version > 1 else 0)
        if len(data) != 4 * shape.size or checksum != _CHECKSUM.pack(summed):
            raise ModelFormatError(
                f"{path.name} is damaged: its {4 * shape.size} bytes of numbers are not whole; "
                "save the state again."
            )
        _check_owner(path.name, print_of_model.hex() if any(print_of_model) else "", model)
        return cls.from_numpy(model, np.frombuffer(data, dtype="<f4"))


def _check_owner(name: str, fingerprint: str, model: HasStateShape) -> None:
    """Refuses the state of another model of the same shape; warns where nobody can tell."""
    if not fingerprint or not model.fingerprint:
        warnings.warn(
            f"{name} fits this model's sizes, but whether this model made it cannot be told; go on "
            "only if you know that it did.",
            stacklevel=3,
        )
    elif fingerprint != model.fingerprint:
        raise ModelFormatError(
            f"{name} was made by another model of the same sizes (fingerprint {fingerprint[:8]}, "
            f"and this model's is {model.fingerprint[:8]}); load the model that made it."
        )

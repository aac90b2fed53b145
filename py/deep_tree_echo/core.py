"""The binding of ``libecho``: the calls of ``echo.h`` on NumPy arrays, without copies.

Nothing here decides anything. Arrays must be contiguous, of the type and shape that ``echo.h``
asks for, and stay alive during the call; the modules above see to that. Every object frees its
C counterpart exactly once, serves one thread at a time (a lock sees to it), and answers its use
after ``close`` with an `ArgumentError`.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Sequence
from ctypes import (
    POINTER,
    c_char,
    c_char_p,
    c_float,
    c_int32,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import platform
from .errors import (
    ArgumentError,
    BackendError,
    EchoError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)
from .sampling import SamplingSettings

ABI_VERSION = 2
"""The version of ``echo.h`` that this module is written for."""

TYPES = {
    "FP32": 0,
    "FP16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q5_0": 7,
    "Q5_1": 8,
    "Q8_0": 9,
}
"""The element types of rwkv.cpp's files by name; the numbers are those of the files."""

READ_TYPES = TYPES | {"Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "BF16": 30}
"""Those that can be read: GGUF files have more, with ggml's numbers."""

FORMATS = ("rwkv.cpp", "GGUF")
"""The names of the files' formats, in the order of ``echo_format``."""

_ERRORS: dict[int, type[EchoError]] = {
    1: ArgumentError,
    2: ModelFormatError,
    3: UnsupportedModelError,
    4: MemoryBudgetError,
    5: MemoryBudgetError,
}


class LoadOptions(ctypes.Structure):
    """``echo_load_options``."""

    _fields_ = (
        ("total_bytes", c_uint64),
        ("budget_bytes", c_uint64),
        ("head_type", c_int32),
        ("reserved", c_int32),
    )


class Estimate(ctypes.Structure):
    """``echo_estimate``."""

    _fields_ = (
        ("weight_bytes", c_uint64),
        ("state_bytes", c_uint64),
        ("work_bytes", c_uint64),
        ("known", c_int32),
        ("reserved", c_int32),
    )


class Info(ctypes.Structure):
    """``echo_rwkv_info``."""

    _fields_ = (
        ("architecture", c_int32),
        ("n_vocab", c_int32),
        ("n_embed", c_int32),
        ("n_layer", c_int32),
        ("n_ffn", c_int32),
        ("n_head", c_int32),
        ("head_size", c_int32),
        ("type", c_int32),
        ("state_size", c_uint64),
        ("weight_bytes", c_uint64),
        ("work_bytes", c_uint64),
        ("format", c_int32),
        ("has_tokenizer", c_int32),
    )


class _Settings(ctypes.Structure):
    """``echo_sampler_settings``."""

    _fields_ = (
        ("temperature", c_float),
        ("top_p", c_float),
        ("min_p", c_float),
        ("typical_p", c_float),
        ("repetition_penalty", c_float),
        ("presence_penalty", c_float),
        ("frequency_penalty", c_float),
        ("top_k", c_int32),
        ("seed", c_uint64),
    )


class _PSystemReport(ctypes.Structure):
    """``echo_psystem_report``."""

    _fields_ = (
        ("steps", c_uint64),
        ("random", c_uint64),
        ("ending", c_int32),
        ("reserved", c_int32),
    )


# Pointers to arrays are declared void *: ctypes then takes plain addresses, which is the fastest.
_HANDLE = POINTER(c_void_p)
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    # name: (result, arguments ...)
    "echo_abi_version": (c_int32,),
    "echo_last_error": (c_char_p,),
    "echo_simd_targets": (c_char_p,),
    "echo_simd_force": (c_int32, c_char_p),
    "echo_row_bytes": (c_size_t, c_int32, c_size_t),
    "echo_quantize": (c_int32, c_int32, c_void_p, c_size_t, c_size_t, c_void_p),
    "echo_dequantize": (c_int32, c_int32, c_void_p, c_size_t, c_size_t, c_void_p),
    "echo_loader_new": (c_int32, POINTER(LoadOptions), _HANDLE),
    "echo_loader_push": (c_int32, c_void_p, c_void_p, c_size_t),
    "echo_loader_estimate": (c_int32, c_void_p, POINTER(Estimate)),
    "echo_loader_finish": (c_int32, c_void_p, _HANDLE),
    "echo_loader_free": (None, c_void_p),
    "echo_rwkv_get_info": (c_int32, c_void_p, POINTER(Info)),
    "echo_rwkv_clone": (c_int32, c_void_p, _HANDLE),
    "echo_rwkv_free": (None, c_void_p),
    "echo_rwkv_state_init": (c_int32, c_void_p, c_void_p),
    "echo_rwkv_eval": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p),
    "echo_rwkv_hidden": (c_int32, c_void_p, c_void_p),
    "echo_tokenizer_bytes": (c_int32, c_uint32, _HANDLE),
    "echo_tokenizer_world": (c_int32, c_void_p, c_size_t, _HANDLE),
    "echo_rwkv_tokenizer": (c_int32, c_void_p, _HANDLE),
    "echo_tokenizer_free": (None, c_void_p),
    "echo_tokenizer_encode": (
        c_int32,
        c_void_p,
        c_char_p,
        c_size_t,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    ),
    "echo_tokenizer_decode": (
        c_int32,
        c_void_p,
        c_void_p,
        c_size_t,
        c_void_p,
        c_size_t,
        POINTER(c_size_t),
    ),
    "echo_sampler_new": (c_int32, POINTER(_Settings), c_uint32, _HANDLE),
    "echo_sampler_free": (None, c_void_p),
    "echo_sampler_bias": (c_int32, c_void_p, c_void_p, c_void_p, c_size_t),
    "echo_sampler_accept": (c_int32, c_void_p, c_uint32),
    "echo_sampler_sample": (c_int32, c_void_p, c_void_p, POINTER(c_uint32), POINTER(c_float)),
    "echo_psystem_new": (c_int32, c_void_p, c_size_t, _HANDLE),
    "echo_psystem_free": (None, c_void_p),
    "echo_psystem_set": (c_int32, c_void_p, c_void_p, c_size_t),
    "echo_psystem_run": (c_int32, c_void_p, c_size_t, POINTER(_PSystemReport)),
    "echo_psystem_get": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
    "echo_psystem_applied": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
}


@cache
def library() -> Any:
    """The loaded libecho, its functions typed.

    Raises
    ------
    BackendError
        If it is missing, cannot be loaded or has another version than this package.
    """
    path = platform.library_path()
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = arguments
    except (OSError, AttributeError) as error:
        raise BackendError(f"{path} cannot be loaded: {error}.") from error
    if (version := loaded.echo_abi_version()) != ABI_VERSION:
        raise BackendError(
            f"{path} has version {version} of the interface and this package needs "
            f"{ABI_VERSION}; install or build both together."
        )
    return loaded


def check(status: int) -> None:
    """Raises the exception that belongs to a status other than ``ECHO_OK``."""
    if status:
        sentence = library().echo_last_error().decode("utf-8", "replace")
        raise _ERRORS.get(status, EchoError)(sentence or f"libecho failed with status {status}.")


def address(array: NDArray[Any]) -> int:
    """Where the first element of a contiguous array lies."""
    if array.flags.writeable and array.size:
        # Ten times as fast as the other way, which every token would pay for.
        return ctypes.addressof(c_char.from_buffer(array.data))
    return array.ctypes.data


def simd_targets() -> list[str]:
    """The SIMD targets that libecho can use on this machine, best first."""
    text: str = library().echo_simd_targets().decode("ascii")
    return text.split(",")


class _Owner:
    """A C object: created by a call that writes its handle, freed once."""

    _noun = "object"

    def __init__(self, handle: int, free: Callable[[int], None]) -> None:
        self._pointer: int | None = handle
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, free, handle)
        # When Python ends, the system takes the memory back faster than we can.
        self._finalizer.atexit = False

    @property
    def _handle(self) -> int:
        if self._pointer is None:
            raise ArgumentError(f"This {self._noun} is closed; make a new one.")
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether the C object has been freed."""
        return self._pointer is None

    def close(self) -> None:
        """Frees the C object now; harmless the second time."""
        with self._lock:
            self._pointer = None
            self._finalizer()


def _make(function: Callable[..., int], *arguments: object) -> int:
    handle = c_void_p()
    check(function(*arguments, ctypes.byref(handle)))
    assert handle.value is not None
    return handle.value


class Loader(_Owner):
    """``echo_loader``: a model on its way in.

    Parameters
    ----------
    total_bytes : int
        Size of the file; 0 if unknown.
    budget_bytes : int
        Most memory the model may take; 0 for no limit.
    head_type : int
        One of `TYPES` to requantise the head to; -1 keeps it.
    """

    _noun = "loader"

    def __init__(self, total_bytes: int = 0, budget_bytes: int = 0, head_type: int = -1) -> None:
        options = LoadOptions(total_bytes, budget_bytes, head_type, 0)
        c = library()
        super().__init__(_make(c.echo_loader_new, ctypes.byref(options)), c.echo_loader_free)

    def push(self, piece: bytes | bytearray | memoryview) -> None:
        """Takes the next bytes of the file."""
        array = np.frombuffer(piece, dtype=np.uint8)
        with self._lock:
            check(library().echo_loader_push(self._handle, address(array), array.size))

    def estimate(self) -> Estimate:
        """What the header says of the memory needed; ``known`` is 0 before it is in."""
        estimate = Estimate()
        with self._lock:
            check(library().echo_loader_estimate(self._handle, ctypes.byref(estimate)))
        return estimate

    def finish(self) -> Rwkv:
        """The model, when the file has been pushed whole; the loader is spent."""
        with self._lock:
            handle = _make(library().echo_loader_finish, self._handle)
        self.close()
        return Rwkv(handle)


class Rwkv(_Owner):
    """``echo_rwkv``: a model and its working memory."""

    _noun = "model"

    def __init__(self, handle: int) -> None:
        c = library()
        super().__init__(handle, c.echo_rwkv_free)
        self.info = Info()
        check(c.echo_rwkv_get_info(handle, ctypes.byref(self.info)))
        self._eval = c.echo_rwkv_eval

    def clone(self) -> Rwkv:
        """Another model on the same weights, for another thread."""
        with self._lock:
            return Rwkv(_make(library().echo_rwkv_clone, self._handle))

    def init_state(self, state: NDArray[np.float32]) -> None:
        """Writes a fresh state to ``state`` (state_size,)."""
        with self._lock:
            check(library().echo_rwkv_state_init(self._handle, address(state)))

    def eval(
        self,
        tokens: NDArray[np.uint32] | ctypes.Array[c_uint32],
        n_tokens: int,
        state_in: int | None,
        state_out: int | None,
        logits: int | None,
    ) -> None:
        """Reads tokens; the states and the logits are addresses of float32 arrays."""
        at = tokens if isinstance(tokens, ctypes.Array) else address(tokens)
        with self._lock:
            status = self._eval(self._handle, at, n_tokens, state_in, state_out, logits)
            if status:
                check(status)

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the model's file carries; ``info.has_tokenizer`` says whether."""
        with self._lock:
            return Tokenizer(_make(library().echo_rwkv_tokenizer, self._handle))

    def hidden(self, hidden: NDArray[np.float32]) -> None:
        """Writes the last hidden vector to ``hidden`` (n_embed,)."""
        with self._lock:
            check(library().echo_rwkv_hidden(self._handle, address(hidden)))


class Tokenizer(_Owner):
    """``echo_tokenizer``: bytes to token ids and back."""

    _noun = "tokenizer"

    def __init__(self, handle: int) -> None:
        super().__init__(handle, library().echo_tokenizer_free)

    @classmethod
    def bytes_with_offset(cls, offset: int) -> Tokenizer:
        """One token a byte: id = byte + ``offset``."""
        return cls(_make(library().echo_tokenizer_bytes, offset))

    @classmethod
    def world(cls, vocabulary: bytes) -> Tokenizer:
        """The RWKV World tokenizer from the bytes of its vocabulary file."""
        array = np.frombuffer(vocabulary, dtype=np.uint8)
        return cls(_make(library().echo_tokenizer_world, address(array), array.size))

    def encode(self, text: bytes) -> list[int]:
        """The token ids of some bytes."""
        tokens = np.empty(len(text), dtype=np.uint32)
        needed = c_size_t()
        with self._lock:
            check(
                library().echo_tokenizer_encode(
                    self._handle,
                    text,
                    len(text),
                    address(tokens),
                    tokens.size,
                    ctypes.byref(needed),
                )
            )
        ids: list[int] = tokens[: needed.value].tolist()
        return ids

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some token ids."""
        ids = np.array(tokens, dtype=np.uint32)
        capacity = 16 * max(1, ids.size)
        while True:
            buffer = np.empty(capacity, dtype=np.uint8)
            needed = c_size_t()
            with self._lock:
                check(
                    library().echo_tokenizer_decode(
                        self._handle,
                        address(ids),
                        ids.size,
                        address(buffer),
                        capacity,
                        ctypes.byref(needed),
                    )
                )
            if needed.value <= capacity:
                return buffer[: needed.value].tobytes()
            capacity = needed.value


class Sampler(_Owner):
    """``echo_sampler``: chooses tokens and counts them for the penalties.

    Parameters
    ----------
    settings : SamplingSettings
        With a seed that is a number.
    n_vocab : int
        How many logits there are.
    """

    _noun = "sampler"

    def __init__(self, settings: SamplingSettings, n_vocab: int) -> None:
        if settings.seed is None:
            raise ArgumentError("seed is None; a sampler needs a number.")
        for token in settings.bias:
            if token >= n_vocab:
                raise ArgumentError(
                    f"bias names token {token}; the tokens of this model end at {n_vocab - 1}."
                )
        c = library()
        values = _Settings(
            settings.temperature,
            settings.top_p,
            settings.min_p,
            settings.typical_p,
            settings.repetition_penalty,
            settings.presence_penalty,
            settings.frequency_penalty,
            settings.top_k,
            settings.seed,
        )
        super().__init__(
            _make(c.echo_sampler_new, ctypes.byref(values), n_vocab), c.echo_sampler_free
        )
        self._n_vocab = n_vocab
        self._sample = c.echo_sampler_sample
        self._token = c_uint32()
        self._probability = c_float()
        self._results = ctypes.byref(self._token), ctypes.byref(self._probability)
        if settings.bias:
            self.bias(settings.bias.keys(), settings.bias.values())

    def bias(self, tokens: Any, values: Any) -> None:
        """Sets the bias of some tokens; -inf forbids one."""
        ids = np.fromiter(tokens, dtype=np.uint32)
        bias = np.fromiter(values, dtype=np.float32)
        with self._lock:
            check(library().echo_sampler_bias(self._handle, address(ids), address(bias), ids.size))

    def accept(self, token: int) -> None:
        """Counts a token for the penalties."""
        with self._lock:
            check(library().echo_sampler_accept(self._handle, token))

    def sample(self, logits: NDArray[np.float32]) -> tuple[int, float]:
        """A token drawn from ``logits`` (n_vocab,), and the model's own probability of it."""
        if (
            logits.size != self._n_vocab
            or logits.dtype != np.float32
            or not logits.flags.c_contiguous
        ):
            raise ArgumentError(
                f"logits has the shape {logits.shape} and the type {logits.dtype}; it must be "
                f"a contiguous array of {self._n_vocab} float32."
            )
        with self._lock:
            status = self._sample(self._handle, address(logits), *self._results)
            if status:
                check(status)
            return self._token.value, self._probability.value


class PSystem(_Owner):
    """``echo_psystem``: a membrane system that runs.

    Parameters
    ----------
    program : sequence of int
        The words of its rules, as ``echo.h`` describes them.
    """

    _noun = "membrane system"

    def __init__(self, program: Sequence[int]) -> None:
        c = library()
        words = np.array(program, dtype=np.int64)
        super().__init__(_make(c.echo_psystem_new, address(words), words.size), c.echo_psystem_free)
        self._report = _PSystemReport()
        self._buffer = np.empty(256, dtype=np.int64)

    def set(self, configuration: Sequence[int]) -> None:
        """Puts the system into a configuration, given by its words."""
        words = np.array(configuration, dtype=np.int64)
        with self._lock:
            check(library().echo_psystem_set(self._handle, address(words), words.size))

    def run(self, steps: int) -> tuple[int, int, int]:
        """Makes steps: how many, the generator's state, and the ending of ``echo.h``."""
        with self._lock:
            check(library().echo_psystem_run(self._handle, steps, ctypes.byref(self._report)))
            return self._report.steps, self._report.random, self._report.ending

    def get(self) -> list[int]:
        """The words of the configuration."""
        return self._read(library().echo_psystem_get)

    def applied(self) -> list[int]:
        """The words of what the last step applied."""
        return self._read(library().echo_psystem_applied)

    def _read(self, function: Callable[..., int]) -> list[int]:
        needed = c_size_t()
        with self._lock:
            while True:
                size = self._buffer.size
                check(function(self._handle, address(self._buffer), size, ctypes.byref(needed)))
                if needed.value <= size:
                    words: list[int] = self._buffer[: needed.value].tolist()
                    return words
                self._buffer = np.empty(needed.value, dtype=np.int64)

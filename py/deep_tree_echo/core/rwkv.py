"""``echo_loader`` and ``echo_rwkv``: a model's way in, and the model."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_int32, c_size_t, c_uint32, c_uint64, c_void_p

import numpy as np
from numpy.typing import NDArray

from .library import HANDLE, SIGNATURES, Owner, address, check, library, make
from .text import Tokenizer


class LoadOptions(ctypes.Structure):
    """``echo_load_options``."""

    _fields_ = (
        ("total_bytes", c_uint64),
        ("budget_bytes", c_uint64),
        ("embedding_limit", c_uint64),
        ("head_type", c_int32),
        ("reserved", c_int32),
    )


class Estimate(ctypes.Structure):
    """``echo_estimate``."""

    _fields_ = (
        ("weight_bytes", c_uint64),
        ("state_bytes", c_uint64),
        ("work_bytes", c_uint64),
        ("outside_bytes", c_uint64),
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
        ("embedding_offset", c_uint64),
        ("embedding_row_bytes", c_uint64),
        ("embedding_type", c_int32),
        ("embedding_outside", c_int32),
    )


SIGNATURES |= {
    "echo_loader_new": (c_int32, POINTER(LoadOptions), HANDLE),
    "echo_loader_push": (c_int32, c_void_p, c_void_p, c_size_t),
    "echo_loader_estimate": (c_int32, c_void_p, POINTER(Estimate)),
    "echo_loader_finish": (c_int32, c_void_p, HANDLE),
    "echo_loader_free": (None, c_void_p),
    "echo_rwkv_get_info": (c_int32, c_void_p, POINTER(Info)),
    "echo_rwkv_clone": (c_int32, c_void_p, HANDLE),
    "echo_rwkv_free": (None, c_void_p),
    "echo_rwkv_state_init": (c_int32, c_void_p, c_void_p),
    "echo_rwkv_eval": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p),
    "echo_rwkv_eval_rows": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p),
    "echo_rwkv_hidden": (c_int32, c_void_p, c_void_p),
    "echo_rwkv_tokenizer": (c_int32, c_void_p, HANDLE),
}


class Loader(Owner):
    """``echo_loader``: a model on its way in.

    Parameters
    ----------
    total_bytes : int
        Size of the file; 0 if unknown.
    budget_bytes : int
        Most memory the model may take; 0 for no limit.
    head_type : int
        One of `TYPES` to requantise the head to; -1 keeps it.
    embedding_limit : int
        An embedding of more bytes stays in the file; 0 keeps every one in memory.
    """

    _noun = "loader"

    def __init__(
        self,
        total_bytes: int = 0,
        budget_bytes: int = 0,
        head_type: int = -1,
        embedding_limit: int = 0,
    ) -> None:
        options = LoadOptions(total_bytes, budget_bytes, embedding_limit, head_type, 0)
        c = library()
        super().__init__(make(c.echo_loader_new, ctypes.byref(options)), c.echo_loader_free)

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
            handle = make(library().echo_loader_finish, self._handle)
        self.close()
        return Rwkv(handle)


class Rwkv(Owner):
    """``echo_rwkv``: a model and its working memory."""

    _noun = "model"

    def __init__(self, handle: int) -> None:
        c = library()
        super().__init__(handle, c.echo_rwkv_free)
        self.info = Info()
        check(c.echo_rwkv_get_info(handle, ctypes.byref(self.info)))
        self._eval = c.echo_rwkv_eval
        self._eval_rows = c.echo_rwkv_eval_rows

    def clone(self) -> Rwkv:
        """Another model on the same weights, for another thread."""
        with self._lock:
            return Rwkv(make(library().echo_rwkv_clone, self._handle))

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

    def eval_rows(
        self,
        rows: bytes,
        n_tokens: int,
        state_in: int | None,
        state_out: int | None,
        logits: int | None,
    ) -> None:
        """As `eval`, with the tokens' rows of the embedding, as the file has them."""
        with self._lock:
            status = self._eval_rows(self._handle, rows, n_tokens, state_in, state_out, logits)
            if status:
                check(status)

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the model's file carries; ``info.has_tokenizer`` says whether."""
        with self._lock:
            return Tokenizer(make(library().echo_rwkv_tokenizer, self._handle))

    def hidden(self, hidden: NDArray[np.float32]) -> None:
        """Writes the last hidden vector to ``hidden`` (n_embed,)."""
        with self._lock:
            check(library().echo_rwkv_hidden(self._handle, address(hidden)))

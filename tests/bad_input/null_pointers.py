"""Calls every function of echo.h with NULL for each of its pointers in turn.

Run as a program by test_calls.py, so that a crash ends this process and not the tests.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
from deep_tree_echo import Model, SamplingSettings, core

from tests.bad_input.files import good

ARGUMENT_ERROR = 1
NUMBERS = (
    ctypes.c_size_t,
    ctypes.c_int32,
    ctypes.c_uint32,
    ctypes.c_uint64,
    ctypes.c_double,
)
# Where echo.h says that NULL is taken.
MAY_BE_NULL = {
    "echo_simd_force": {0},
    "echo_rwkv_eval": {3, 4, 5},
    "echo_rwkv_eval_rows": {3, 4, 5},
    "echo_sampler_sample": {3},
    "echo_grammar_mask": {5},
    "echo_grammar_bytes": {0},
    "echo_project": {0},
    "echo_reservoir_run": {6},
    "echo_rls_update": {4},
    "echo_rls_get": {1, 2},
    "echo_lms_update": {5},
}
FREEING = "_free"
MAKING = {"echo_tokenizer_world", "echo_psystem_new", "echo_grammar_new"}


def valid_arguments(name: str, kinds: list[Any], handles: dict[str, Any]) -> list[Any]:
    """Something that the function takes for each argument."""
    own = next((handle for prefix, handle in handles.items() if name.startswith(prefix)), None)
    is_method = own is not None and kinds[0] is ctypes.c_void_p
    arguments: list[Any] = []
    for i, kind in enumerate(kinds):
        if is_method and i == 0 and name not in MAKING:
            arguments.append(own)
        elif kind in NUMBERS:
            arguments.append(1)
        elif kind is ctypes.c_char_p:
            arguments.append(b"x")
        elif kind is ctypes.c_void_p:
            arguments.append(ctypes.create_string_buffer(1 << 18))
        else:
            arguments.append(ctypes.byref(kind._type_()))
    return arguments


def cases(handles: dict[str, Any]) -> Iterator[tuple[str, int, list[Any]]]:
    """Each function with each pointer that may not be NULL."""
    for name, (_, *kinds) in core.SIGNATURES.items():
        if name.endswith(FREEING):
            continue
        for i, kind in enumerate(kinds):
            if kind not in NUMBERS and i not in MAY_BE_NULL.get(name, ()):
                arguments = valid_arguments(name, kinds, handles)
                arguments[i] = None
                yield name, i, arguments


def check_all() -> int:
    """How many calls were answered as they should be."""
    library = core.library()
    model = Model.load(good())
    loader = core.Loader()
    sampler = core.Sampler(SamplingSettings(seed=1), model.n_vocab)
    # No objects, one label, room for one object and one membrane, no rules.
    psystem = core.PSystem([0, 1, 1, 1, 0, 0])
    # One rule, one state.
    grammar = core.Grammar(
        np.array([1, 1, 0, 0, 0, 1, 0, 0], dtype=np.uint32), model.tokenizer.core
    )
    rls = core.Rls(1, 1, 1.0, 1.0, bias=False)
    one = np.ones((1, 1))
    reservoir = core.Reservoir(
        np.array([0, 1], dtype=np.uint64),
        np.zeros(1, dtype=np.uint32),
        *(one[0], one, one, one[0], one[0]),
        activation=0,
        noise=0.0,
    )
    handles = {
        "echo_loader_": loader._handle,
        "echo_rwkv_": model._rwkv._handle,
        "echo_tokenizer_": model.tokenizer._core._handle,
        "echo_sampler_": sampler._handle,
        "echo_psystem_": psystem._handle,
        "echo_reservoir_": reservoir._handle,
        "echo_rls_": rls._handle,
        "echo_grammar_": grammar._handle,
    }
    n = 0
    for name, i, arguments in cases(handles):
        print(f"{name}, argument {i}", flush=True)
        answer = getattr(library, name)(*arguments)
        assert answer == ARGUMENT_ERROR, f"{name} answers NULL for argument {i} with {answer}"
        sentence = library.echo_last_error().decode()
        assert sentence.endswith("NULL."), f"{name} explains NULL by {sentence!r}"
        n += 1
    for name in core.SIGNATURES:
        if name.endswith(FREEING):
            print(name, flush=True)
            getattr(library, name)(None)
    return n


if __name__ == "__main__":
    assert check_all() > 20

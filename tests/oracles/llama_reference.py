"""Asks llama.cpp about random GGUF files and keeps its logits in ``golden/``.

Run it with a Python that has llama-cpp-python 0.3.36 (built from its sdist) and NumPy:
``python llama_reference.py``. With ``--check`` it recomputes and compares.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "py")]

import numpy as np  # noqa: E402

from tests.oracles.llama_cases import CASES, POSITIONS, Case  # noqa: E402

TOLERANCE = 1e-4
"""How far two machines' llama.cpp may be apart with float32 weights."""


def ask(case: Case) -> np.ndarray:
    """The logits (positions, n_vocab) that llama.cpp gives after each of `POSITIONS` tokens."""
    import llama_cpp

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        path.write_bytes(case.file().pack())
        model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        if not model:
            raise SystemExit(f"llama.cpp cannot load {case.name}.")
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx, settings.n_threads, settings.n_threads_batch = 64, 1, 1
        context = llama_cpp.llama_init_from_model(model, settings)
        vocabulary = llama_cpp.llama_model_get_vocab(model)
        n_vocab = llama_cpp.llama_vocab_n_tokens(vocabulary)
        rows = []
        for count, token in enumerate(case.tokens(), 1):
            array = (llama_cpp.llama_token * 1)(token)
            if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(array, 1)) != 0:
                raise SystemExit(f"llama.cpp cannot read token {count} of {case.name}.")
            if count in POSITIONS:
                found = llama_cpp.llama_get_logits_ith(context, -1)
                rows.append(np.ctypeslib.as_array(found, (n_vocab,)).copy())
        llama_cpp.llama_free(context)
        llama_cpp.llama_model_free(model)
    return np.stack(rows)


def main() -> int:
    """Writes the golden files, or compares with them."""
    import llama_cpp

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    status = 0
    for case in CASES:
        logits = ask(case)
        if not check:
            np.savez_compressed(case.path, logits=logits)
            print(f"{case.name}: spread {logits.std():.2f}")
            continue
        with np.load(case.path) as golden:
            apart = float(np.abs(golden["logits"] - logits).max())
        print(f"{case.name}: {apart:.1e} apart")
        status |= int(case.type == "F32" and apart > TOLERANCE)
    return status


if __name__ == "__main__":
    raise SystemExit(main())

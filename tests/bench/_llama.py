"""llama.cpp for the benchmarks: answers requests on its standard input, see ``_process``.

It runs in an environment of its own, without this project: ``python _llama.py MODEL``.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time

import llama_cpp
import numpy as np

N_BATCH = 512


class Session:
    """A model with one sequence and one thread."""

    def __init__(self, path: str) -> None:
        llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model_settings = llama_cpp.llama_model_default_params()
        model_settings.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), model_settings)
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = 1024
        settings.n_batch = settings.n_ubatch = N_BATCH
        settings.n_threads = settings.n_threads_batch = 1
        settings.no_perf = True
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        if not self.context:
            raise SystemExit(f"llama.cpp cannot load {path}.")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        self.greedy = llama_cpp.llama_sampler_init_greedy()

    def forget(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def read(self, tokens: list[int]) -> None:
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        batch = llama_cpp.llama_batch_get_one(array, len(tokens))
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise SystemExit("llama_decode failed.")

    def decode(self, count: int) -> None:
        """Greedy decoding, as the clients do it: sample, then read the token."""
        for _ in range(count):
            self.read([llama_cpp.llama_sampler_sample(self.greedy, self.context, -1)])

    def logits(self, tokens: list[int]) -> list[float]:
        self.forget()
        self.read(tokens)
        found = llama_cpp.llama_get_logits_ith(self.context, -1)
        return [float(value) for value in np.ctypeslib.as_array(found, (self.n_vocab,))]

    def encode(self, text: str) -> list[int]:
        data = text.encode()
        found = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(
            self.vocabulary, data, len(data), found, len(found), False, False
        )
        return list(found[:count])


@llama_cpp.llama_log_callback
def _silent(level: int, text: bytes, data: object) -> None:
    pass


def main() -> None:
    session = Session(sys.argv[1])
    session.read([1])
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "prefill":
            session.forget()
        wall, cpu = time.perf_counter(), time.process_time()
        reply: dict[str, object] = {}
        if request["do"] == "decode":
            session.decode(request["count"])
        elif request["do"] == "prefill":
            session.read(request["tokens"])
        elif request["do"] == "encode":
            reply["tokens"] = session.encode(request["text"])
        else:
            reply["logits"] = session.logits(request["tokens"])
        reply["wall_ms"] = 1e3 * (time.perf_counter() - wall)
        reply["cpu_ms"] = 1e3 * (time.process_time() - cpu)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

"""Decodes with libecho: ``python -m tests.bench._decode N MODEL``, output as upstream's driver."""

from __future__ import annotations

import sys
import time

from deep_tree_echo import Model


def main() -> None:
    count, path = int(sys.argv[1]), sys.argv[2]
    model, state = Model.load(path), None
    for i in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        _, state = model.eval([(i * 7 + 1) % model.n_vocab], state)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{wall * 1e3:.4f} {cpu * 1e3:.4f}")


if __name__ == "__main__":
    main()

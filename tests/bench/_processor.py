"""The processor's parts: ``python -m tests.bench._processor`` prints figures as JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from deep_tree_echo import DTESNConfig, Model
from deep_tree_echo.dtesn import enumeration
from deep_tree_echo.dtesn.hierarchy import Hierarchy
from deep_tree_echo.dtesn.inputs import Bytes, Feed, HiddenStates
from deep_tree_echo.dtesn.membrane_reservoir import membrane_reservoir
from deep_tree_echo.dtesn.passage import Body, Passage

ROUNDS = 7
WARM_S = 1.0
CONFIG = DTESNConfig()
TEXT = (
    "A reservoir is a recurrent network whose weights are never trained. What drives it echoes "
    "in it for a while, and a readout learns what the echo means. "
) * 4
SHAPES = {"default": (8, 1024), "request": (4, 512)}


def seconds(run: Callable[[], object]) -> float:
    """The median time, over some rounds."""
    times: list[float] = []
    began = time.perf_counter()
    # WebAssembly is compiled well only while it runs.
    while len(times) < ROUNDS or time.perf_counter() - began < WARM_S:
        # Processor time; inside Pyodide there is only the wall clock.
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times[-ROUNDS:])


def trees() -> None:
    """Makes all trees of order 8 afresh, with density, symmetry and alpha."""
    enumeration._trees_of_order.cache_clear()
    assert sum(tree.alpha for tree in enumeration.rooted_trees(8)) == 5040


def passage(body: Body, feed: Feed) -> Passage:
    """Leads an input through, with everything that a result has."""
    found = Passage(body, feed)
    while not found.finished:
        list(found.beat())
    found.output()
    found.esn_state()
    found.bseries(CONFIG.bseries_max_order)
    return found


def main() -> None:
    """Prints the figures."""
    found = {"trees_of_order_8_ms": seconds(trees) * 1e3}
    n, seed = CONFIG.n_inputs, CONFIG.seed
    with Model.load() as model:
        tokens = model.encode(TEXT)

        def read() -> None:
            state = None
            for token in tokens:
                _, state = model.eval([token], state)

        found["model_us_a_token"] = seconds(read) / len(tokens) * 1e6
        for name, (depth, size) in SHAPES.items():
            hierarchy = Hierarchy.build(depth, size)
            begin = time.process_time()
            reservoir = membrane_reservoir(hierarchy, CONFIG)
            found[f"{name}_weights_ms"] = (time.process_time() - begin) * 1e3
            body = Body(hierarchy, reservoir, CONFIG.spectral_radius)
            spent = [
                seconds(lambda body=body: passage(body, HiddenStates(model, tokens, n, seed))),
                seconds(lambda body=body: passage(body, Bytes(TEXT.encode(), n, seed))),
            ]
            found[f"{name}_us_a_token"] = spent[0] / len(tokens) * 1e6
            found[f"{name}_bytes_us_a_token"] = spent[1] / len(tokens) * 1e6
    print(json.dumps(found))


if __name__ == "__main__":
    main()

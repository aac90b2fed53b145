"""libecho natively for the benchmarks: answers requests on its standard input, see ``_process``.

``python -m tests.bench._libecho MODEL``; the work itself is ``web/inside.py``, the same as
in the browser.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from deep_tree_echo import Model

from tests.bench.web.inside import Session


def main() -> None:
    session = Session(Model.load(Path(sys.argv[1]), memory_limit_mb=None))
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        reply = session.answer(request)
        reply["wall_ms"] = 1e3 * (time.perf_counter() - wall)
        reply["cpu_ms"] = 1e3 * (time.process_time() - cpu)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

"""The engine's own time per token and its reservoir's, natively and inside Pyodide under Node."""

from __future__ import annotations

from tests.bench._engines import in_both
from tests.bench._measure import keep


def main() -> None:
    """Measures A B A B and keeps the medians."""
    figures = in_both("tests.bench._engine", "engine")
    for name, value in figures.items():
        print(f"  {name:44} {value:10.2f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()

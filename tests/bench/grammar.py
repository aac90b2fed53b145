"""Grammars: what masks cost a token, natively and inside Pyodide under Node, in turns."""

from __future__ import annotations

from tests.bench._engines import in_both
from tests.bench._measure import keep


def main() -> None:
    """Measures A B A B and keeps the medians."""
    figures = in_both("tests.bench._grammar", "grammar")
    for name, value in figures.items():
        print(f"  {name:44} {value:10.3f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()

"""The laboratory's door: the page's worker names a section and a method, with values as JSON."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from typing import Any

from ..errors import ArgumentError, BackendError

__all__ = ["SECTIONS", "Answer", "Laboratory"]

SECTIONS = {
    "reservoir": ("reservoir", "Workbench"),
    "membranes": ("membranes", "Membranes"),
    "trees": ("trees", "Trees"),
}
"""Each section by the name that the page uses: its module here, and its class."""


class Answer:
    """What a method returned: plain values as JSON, and NumPy arrays as they are.

    Parameters
    ----------
    values : dict
        Values that JSON knows; arrays at the top level only.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self._arrays = {name: value for name, value in values.items() if hasattr(value, "dtype")}
        self._rest = {name: value for name, value in values.items() if name not in self._arrays}

    def facts(self) -> str:
        """Everything but the arrays, as JSON."""
        return json.dumps(self._rest, ensure_ascii=False, allow_nan=False)

    def names(self) -> str:
        """The names of the arrays, as a JSON list."""
        return json.dumps(list(self._arrays))

    def array(self, name: str) -> Any:
        """An array by its name, contiguous."""
        import numpy as np

        return np.ascontiguousarray(self._arrays[name])


class Laboratory:
    """All sections, each made when it is first asked for and kept from then on.

    Examples
    --------
    >>> laboratory = Laboratory()
    >>> answer = laboratory.call("trees", "all", '{"order": 4}')
    >>> json.loads(answer.facts())["counts"]
    [1, 1, 2, 4]
    >>> laboratory.call("trees", "fell", "{}")
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: the section 'trees' has no method 'fell'.
    """

    def __init__(self) -> None:
        self._benches: dict[str, Any] = {}

    def call(self, section: str, method: str, values: str = "{}") -> Answer:
        """Calls a method of a section.

        Parameters
        ----------
        section, method : str
            Their names.
        values : str
            A JSON object with the method's arguments by name.

        Raises
        ------
        ArgumentError
            If there is no such section or method, or the arguments are not its own.
        BackendError
            If something that the section needs is missing, such as NumPy.
        EchoError
            Whatever the method says.
        """
        bench = self._bench(section)
        call = None if method.startswith("_") else getattr(bench, method, None)
        if not callable(call):
            raise ArgumentError(f"the section {section!r} has no method {method!r}.")
        given = json.loads(values)
        try:
            inspect.signature(call).bind(**given)
        except TypeError as error:
            raise ArgumentError(f"{section}.{method}: {error}.") from None
        return Answer(call(**given))

    def _bench(self, section: str) -> Any:
        if section not in self._benches:
            if section not in SECTIONS:
                raise ArgumentError(f"the laboratory has no section {section!r}.")
            module, name = SECTIONS[section]
            try:
                found = getattr(import_module(f".{module}", __package__), name)
            except ImportError as error:
                raise BackendError(
                    f"the laboratory needs {error.name or 'a module'}, which is missing here "
                    f"({error}); reload the page."
                ) from None
            self._benches[section] = found()
        return self._benches[section]

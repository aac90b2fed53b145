"""What the page may call by name at one of its doors, with JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ArgumentError

__all__ = ["Calls"]


class Calls:
    """Methods that the page calls by their names.

    Parameters
    ----------
    owner : str
        Whose they are, as the beginning of a sentence goes on: ``the store has``.
    methods : mapping of str to callable
        They take and give what JSON knows.

    Examples
    --------
    >>> call = Calls("the clock has", {"add": lambda hours, more: (hours + more) % 12})
    >>> call("add", '{"hours": 11, "more": 3}')
    '2'
    >>> call("stop", "{}")
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: method is 'stop'; the clock has no such method.
    """

    def __init__(self, owner: str, methods: Mapping[str, Callable[..., Any]]) -> None:
        self._owner = owner
        self._methods = methods

    def __call__(self, method: str, values: str) -> str:
        """Calls a method with the named ``values``, JSON, and gives its result as JSON.

        Raises
        ------
        ArgumentError
            For a method that is none, or whatever the method raises.
        """
        if method not in self._methods:
            raise ArgumentError(f"method is {method!r}; {self._owner} no such method.")
        return json.dumps(self._methods[method](**json.loads(values)))

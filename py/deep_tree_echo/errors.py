"""What can go wrong, as one small tree.

Every message is one sentence that names what offends, with its value, and says what to do.
"""

from __future__ import annotations


class EchoError(Exception):
    """The root: anything that Deep Tree Echo raises on purpose."""


class ArgumentError(EchoError, ValueError):
    """A value outside what a function takes."""


class ModelFormatError(EchoError, ValueError):
    """The bytes are not a model file, or a damaged one."""


class ArchiveError(EchoError, ValueError):
    """The bytes are not an archive of conversations, or a damaged one."""


class UnsupportedModelError(EchoError):
    """A sound model file that this backend cannot run."""


class MemoryBudgetError(EchoError, MemoryError):
    """More memory than the budget allows, or than the machine gives."""


class LimitError(EchoError, RuntimeError):
    """A computation that goes beyond the steps, objects or membranes it may have."""


class RoomError(MemoryBudgetError):
    """It would fit, once something that is in memory has been let go."""


class DownloadError(EchoError, OSError):
    """A model file that could not be fetched whole."""


class FileError(EchoError, OSError):
    """A file that cannot be read or written: its place, its permissions or its disk."""


class BackendError(EchoError, RuntimeError):
    """A backend that cannot work here: its library, NumPy or WebAssembly is missing."""

"""The memory membrane: memories in SQLite, found by words and states, shown with the reasons."""

from .encoding import Encoder, StateEncoder, encoder_of
from .items import MemoryItem, MemoryType, Recalled
from .lexicon import Lexicon
from .membrane import MemoryMembrane
from .rules import Judgement, judge
from .settings import MemorySettings

__all__ = [
    "Encoder",
    "Judgement",
    "Lexicon",
    "MemoryItem",
    "MemoryMembrane",
    "MemorySettings",
    "MemoryType",
    "Recalled",
    "StateEncoder",
    "encoder_of",
    "judge",
]

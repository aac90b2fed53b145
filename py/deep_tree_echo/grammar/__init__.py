"""Grammars that answers can follow, and statistics of texts by stated rules.

``expressions`` are what rules are made of; ``gbnf`` and ``schema`` read them from GBNF and from
JSON Schema; ``nfa`` and ``program`` compile them; ``reference`` follows a text in plain Python, as
libecho does; ``guidance`` leads a model's answers.
"""

from .grammar import Grammar
from .guidance import GrammarGuidance, GrammarGuide
from .linguistics import Linguistics, linguistics
from .program import Program

__all__ = ["Grammar", "GrammarGuidance", "GrammarGuide", "Linguistics", "Program", "linguistics"]

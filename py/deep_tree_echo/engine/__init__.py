"""The cognitive engine: contexts in, typed events out.

``cognitive`` is the engine, ``passage`` one request on its way, ``membranes`` the steps around an
answer, ``sessions`` and ``request`` what is asked and where it belongs, ``activity`` the reservoir
that every token drives, ``report`` what an answer's record says of all this.
"""

from .cognitive import CognitiveEngine
from .enhanced import EnhancedEchoRWKVIntegrationEngine
from .events import Activity, EnhancementMetadata, Membrane, Result

__all__ = [
    "Activity",
    "CognitiveEngine",
    "EnhancedEchoRWKVIntegrationEngine",
    "EnhancementMetadata",
    "Membrane",
    "Result",
]

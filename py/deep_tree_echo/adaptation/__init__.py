"""Adaptation to the user's own text; see docs/adaptation.md."""

from .adaptation import Adaptation
from .gauge import Gauge
from .settings import AdaptationSettings

__all__ = ["Adaptation", "AdaptationSettings", "Gauge"]

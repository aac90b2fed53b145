"""What a processor can know of its engine and of itself, from five sources at once.

``kinds`` says what each source tells, ``fetching`` asks all of them within a time limit,
``aggregation`` makes one picture of what came, ``pipelines`` what is to be done to an input because
of it, and ``transformations`` does that. Nothing here knows the processor.
"""

from .aggregation import GOOD_QUALITY, aggregate
from .fetching import SOURCE_SECONDS, beside, fetch_all, multi_source_data
from .kinds import FIELDS, KINDS, Kind
from .pipelines import pipelines
from .transformations import transformed

__all__ = [
    "FIELDS",
    "GOOD_QUALITY",
    "KINDS",
    "SOURCE_SECONDS",
    "Kind",
    "aggregate",
    "beside",
    "fetch_all",
    "multi_source_data",
    "pipelines",
    "transformed",
]

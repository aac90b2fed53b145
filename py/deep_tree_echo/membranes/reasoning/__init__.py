"""The reasoning membrane: several candidate answers from one state, and how sure to be of one."""

from .branches import Branching, BranchingDrawing, Continuation, Outcome
from .calibration import Calibration, Evidence, Judgement, calibration_error, reliability
from .membrane import Option, ReasoningMembrane, ReasoningTurn
from .plan import Plan, complexity_of, kind_of, plan
from .votes import Ballot, Group, vote

__all__ = [
    "Ballot",
    "Branching",
    "BranchingDrawing",
    "Calibration",
    "Continuation",
    "Evidence",
    "Group",
    "Judgement",
    "Option",
    "Outcome",
    "Plan",
    "ReasoningMembrane",
    "ReasoningTurn",
    "calibration_error",
    "complexity_of",
    "kind_of",
    "plan",
    "reliability",
    "vote",
]

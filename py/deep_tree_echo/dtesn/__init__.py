"""The deep tree echo state network, and the mathematics of its integration."""

from .bseries import BSeries
from .conditions import OrderCondition, order_conditions
from .continuous import ContinuousReservoir
from .coproducts import Forest, contractions, cuts
from .deep import DeepReservoir
from .differentials import elementary_differentials, evaluate
from .enumeration import count_rooted_trees, rooted_trees, trees_up_to
from .fields import Field, ReservoirField, SmoothField
from .integration import integrate, measured_order, step, step_with_error
from .lms import LMS
from .network import EchoStateNetwork
from .plasticity import intrinsic_plasticity
from .reservoir import Reservoir
from .ridge import Ridge
from .rls import RLS
from .rungekutta import Tableau
from .sparse import SparseMatrix
from .trees import RootedTree, TreeLayout
from .treesn import TreeReservoir

__all__ = [
    "LMS",
    "RLS",
    "BSeries",
    "ContinuousReservoir",
    "DeepReservoir",
    "EchoStateNetwork",
    "Field",
    "Forest",
    "OrderCondition",
    "Reservoir",
    "ReservoirField",
    "Ridge",
    "RootedTree",
    "SmoothField",
    "SparseMatrix",
    "Tableau",
    "TreeLayout",
    "TreeReservoir",
    "contractions",
    "count_rooted_trees",
    "cuts",
    "elementary_differentials",
    "evaluate",
    "integrate",
    "intrinsic_plasticity",
    "measured_order",
    "order_conditions",
    "rooted_trees",
    "step",
    "step_with_error",
    "trees_up_to",
]

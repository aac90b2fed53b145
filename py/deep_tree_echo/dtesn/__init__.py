"""The deep tree echo state network, and the mathematics of its integration."""

from .bseries import BSeries
from .coproducts import Forest, contractions, cuts
from .enumeration import count_rooted_trees, rooted_trees, trees_up_to
from .trees import RootedTree, TreeLayout

__all__ = [
    "BSeries",
    "Forest",
    "RootedTree",
    "TreeLayout",
    "contractions",
    "count_rooted_trees",
    "cuts",
    "rooted_trees",
    "trees_up_to",
]

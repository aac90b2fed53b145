"""What the page's laboratory asks of the package: one module for each section.

A section is a class whose public methods take the page's values and return what is to be shown.
All that is computed here is computed by ``deep_tree_echo.dtesn``; `Laboratory` is the way in.
"""

from .door import Answer, Laboratory

__all__ = ["Answer", "Laboratory"]

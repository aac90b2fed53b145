"""Backends: what reads a model file and continues a text, best first.

``rwkv_cpp`` runs on libecho, ``python_rwkv`` on NumPy and ``mock`` on the standard library alone.
`deep_tree_echo.backends.chain` chooses among them.
"""

"""Grammars: compiling, masks, what is written with them."""

"""The recipe of the bundled model: data, training, evaluation, export.

In the order of the work: `chitchat` and `dialogues` give documents, `data` splits
them, `streams` packs them into windows; `parameters`, `network` and `kernels` are
the model and its gradient; `optimizer` and `trainer` fit it; `export` writes the
file; `recurrent`, `ngram` and `evaluate` measure it.
"""

"""The recipe of the bundled model: data, training, evaluation, export."""

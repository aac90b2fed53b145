"""Systems from the literature give the answers that arithmetic and logic give."""

from __future__ import annotations

import math
import random
from itertools import combinations, product

import pytest

from tests.conftest import ON_PYODIDE
from tests.dtesn import systems


def brute_force(n, clauses):
    """Whether some assignment satisfies all clauses."""
    return any(
        all(any((literal > 0) == values[abs(literal) - 1] for literal in c) for c in clauses)
        for values in product((False, True), repeat=n)
    )


def random_formula(n, m, source):
    return [
        [source.choice((1, -1)) * v for v in source.sample(range(1, n + 1), source.randint(1, n))]
        for _ in range(m)
    ]


@pytest.mark.parametrize("engine", systems.ENGINES)
def test_the_generator_makes_squares_only(engine):
    found = set()
    for seed in range(30):
        run = systems.squares(seed=seed, engine=engine).run(1000)
        root = math.isqrt(run.output["c"])
        assert root * root == run.output["c"] > 0
        assert run.steps == 2 * root + 1
        found.add(root)
    assert {1, 2, 3} <= found


def test_all_computations_of_the_generator_make_all_squares():
    computations = systems.squares().configurations(steps=13)
    outputs = {final.holding("4")["c"] for final in computations.halting}
    assert outputs == {1, 4, 9, 16, 25, 36}


@pytest.mark.parametrize("engine", systems.ENGINES)
@pytest.mark.parametrize("k", range(1, 8))
def test_divisibility(k, engine):
    for n in range(15):
        output = systems.divides(k, n, engine=engine).run().output
        assert str(output) == ("yes" if n % k == 0 else "no"), (k, n)


@pytest.mark.parametrize("n", range(1, 7))
def test_satisfiability(n):
    source = random.Random(n)
    answers = set()
    for trial in range(3 if ON_PYODIDE else 12):
        clauses = random_formula(n, source.randint(1, 4 if n == 1 else 3 * n), source)
        if trial == 0:
            # All variables true satisfies it.
            clauses = [[abs(clause[0]), *clause[1:]] for clause in clauses]
        elif trial == 1:
            clauses += [[1], [-1]]
        m = len(clauses)
        system = systems.satisfiable(n, clauses, seed=source.getrandbits(64))
        run = system.run()
        expected = "yes" if brute_force(n, clauses) else "no"
        assert str(run.output) == expected
        assert run.steps == n + m + (3 if expected == "yes" else 4)
        assert len(system.configuration.membranes) == 2**n + 1
        answers.add(expected)
    assert answers == {"yes", "no"}


def test_satisfiability_in_python_as_in_libecho():
    clauses = [[1, -2], [2, 3], [-1, -3]]
    runs = [
        systems.satisfiable(3, clauses, engine=engine, seed=4).run(trace=True)
        for engine in ("python", "libecho")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("target", [1, 7, 10, 12, 19, 30])
def test_subset_sum(target):
    weights = [3, 4, 5, 7, 7]
    subsets = [c for size in range(6) for c in combinations(range(5), size)]
    expected = sum(sum(weights[i] for i in subset) == target for subset in subsets)
    system = systems.subset_sum(weights, target, seed=target)
    assert system.run().output["yes"] == expected
    assert len(system.configuration.membranes) == 2**5 + 1

"""The series of the laboratory, and what a reader's CSV may be."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo.dtesn.tasks import lorenz, mackey_glass, narma
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.laboratory.series import known, own, read_table
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

finite = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 6))


def test_the_fields_series_are_those_of_the_package():
    np.testing.assert_array_equal(known("lorenz", 300, 3).targets, lorenz(300, seed=3))
    np.testing.assert_array_equal(
        known("mackey-glass", 300, 3).inputs[:, 0], mackey_glass(300, seed=3)
    )
    u, y = narma(300, seed=3)
    series = known("narma", 300, 3)
    np.testing.assert_array_equal(series.inputs[:, 0], u)
    np.testing.assert_array_equal(series.targets[:, 0], y)
    assert not series.autonomous


@pytest.mark.parametrize("divider", [",", ";", "\t"])
@pytest.mark.parametrize("named", [False, True])
@given(few=arrays(np.float64, (5, 3), elements=finite))
def test_what_was_written_is_read(divider, named, few):
    values = np.tile(few, (40, 1))
    lines = [divider.join(repr(float(x)) for x in row) for row in values]
    if named:
        lines.insert(0, divider.join(["a", "b", "c"]))
    table = read_table("\r\n".join(lines) + "\r\n")
    np.testing.assert_array_equal(table.values, values)
    assert table.names == (("a", "b", "c") if named else ("column 1", "column 2", "column 3"))


def test_decimal_commas_quotes_a_byte_order_mark_and_dates():
    table = read_table('\ufeffday;"air; shade";rain\n' + "2026-01-01;-1,5; 2,25\n\n" * 200)
    assert table.names == ("air; shade", "rain")
    np.testing.assert_array_equal(table.values, np.tile([-1.5, 2.25], (200, 1)))


def test_a_column_of_spaces_and_one_of_exponents():
    np.testing.assert_array_equal(read_table("1e-3 2\n" * 200).values[0], [0.001, 2.0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file has 0 lines of numbers; at least 200 are needed to learn something."),
        (
            "1\n" * 199,
            "the file has 199 lines of numbers; at least 200 are needed to learn something.",
        ),
        ("1\n" * 20_001, "the file has more than 20000 lines of numbers; leave out some."),
        ("a,b\n1,2\n" + "3,\n" * 300, "line 3, column 2 is ''; it must be a number."),
        ("1,2\n3,nan\n", "line 2, column 2 is 'nan'; it must be a number."),
        ("1,2\n3\n", "line 2 has 1 columns and the first one 2; all must have as many."),
        ("a,b\nc,d\n", "line 2 has 0 columns of numbers; the laboratory takes 1 to 16."),
        ("1," * 16 + "1\n", "line 1 has 17 columns of numbers; the laboratory takes 1 to 16."),
    ],
)
def test_a_bad_file_is_answered_with_its_place(text, sentence):
    with pytest.raises(ArgumentError) as caught:
        read_table(text)
    assert str(caught.value) == sentence


@given(st.text(max_size=400))
def test_any_text_is_a_table_or_a_sentence(text):
    with pytest.raises(ArgumentError, match=r"\.$"):
        read_table(text)


def test_columns_are_chosen():
    rising = "\n".join(f"{i},5,{i * i}" for i in range(200))
    table = read_table(rising)
    assert own(table, [2, 0]).names == ("column 3", "column 1")
    np.testing.assert_array_equal(own(table, [0]).targets[:, 0], np.arange(200))
    for columns, sentence in (
        ([], "no column is chosen"),
        ([3], "there is no column 3; the last one is 2"),
        ([1], "the column 'column 2' is the same in every line"),
    ):
        with pytest.raises(ArgumentError, match=sentence):
            own(table, columns)


def test_an_unknown_task_and_too_many_steps():
    with pytest.raises(ArgumentError, match="there is no task 'tide'"):
        known("tide", 300, 0)
    for steps in (199, 20_001):
        with pytest.raises(
            ArgumentError, match=f"{steps} steps; the laboratory takes 200 to 20000"
        ):
            known("lorenz", steps, 0)

"""A tiny run: the loss falls, a resumed run is the same run, the file is right."""

import json
from dataclasses import replace

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError, ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats.rwkv_file import Header
from deep_tree_echo.formats.types import TensorType
from deep_tree_echo.training.export import parameters_of, read_file, write_file
from deep_tree_echo.training.kernels import Kernels
from deep_tree_echo.training.network import CarriedState, Network
from deep_tree_echo.training.optimizer import Optimizer, learning_rate, orthogonalized
from deep_tree_echo.training.parameters import Parameters, Shape, initial_parameters
from deep_tree_echo.training.recurrent import Recurrent
from deep_tree_echo.training.streams import Streams, answers, pack
from deep_tree_echo.training.trainer import Recipe, Trainer, load_parameters

from tests.random_models import random_model_bytes

pytestmark = pytest.mark.native("compiles kernels for this machine")
SMALL = Shape(width=64, layers=2, rank=8, gate_rank=8, hidden=2, vocabulary=257)
SIZES = np.ones(257, np.int64)
TEXT = [f"User: what is {n}?\n\nAssistant: {n} is a number." for n in range(100, 220)]
RECIPE = Recipe(end=14, fall=4, batch=4, window=48, peak=5e-3, warmup=2)


def as_bytes(documents):
    return pack(documents, lambda text: [byte + 1 for byte in text])


def trainer(threads: int = 2) -> Trainer:
    tokens = as_bytes(TEXT)
    return Trainer(SMALL, RECIPE, tokens, {"same": tokens}, SIZES, threads)


def test_loss_falls_and_resume_is_bit_identical(tmp_path):
    whole = trainer()
    losses = [whole.train_step() for _ in range(14)]
    assert losses[-1] < 0.8 * losses[0]

    half = trainer(threads=1)
    for _ in range(6):
        half.train_step()
    half.save(tmp_path / "checkpoint.npz")
    rest = Trainer.resume(tmp_path / "checkpoint.npz", as_bytes(TEXT), {}, SIZES)
    assert [rest.train_step() for _ in range(8)] == losses[6:]
    np.testing.assert_array_equal(rest.parameters.flat, whole.parameters.flat)


def test_a_run_on_another_text_must_be_wanted(tmp_path):
    run = trainer()
    run.train_step()
    run.save(tmp_path / "checkpoint.npz")
    other = as_bytes(TEXT[1:])
    with pytest.raises(
        ArgumentError, match=r"checkpoint\.npz was trained on the text .* --other-text"
    ):
        Trainer.resume(tmp_path / "checkpoint.npz", other, {}, SIZES)
    rest = Trainer.resume(tmp_path / "checkpoint.npz", other, {}, SIZES, fall=3, other_text=True)
    assert (rest.step, rest.recipe.end, rest.recipe.fall) == (1, 4, 3)
    np.testing.assert_array_equal(rest.parameters.flat, run.parameters.flat)


def test_a_run_logs_saves_and_stops(tmp_path, capsys):
    trainer().run(tmp_path, log_every=7, measure_every=14)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [7, 14]
    assert log[1]["same_bpb"] < 8
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == log[1]
    parameters, about = load_parameters(tmp_path / "checkpoint.npz")
    assert about["step"] == 14
    assert parameters.flat.size == sum(np.prod(s) for s in SMALL.tensors().values())

    answers = iter([False, False, True])
    trainer().run(tmp_path / "stopped", stopped=lambda: next(answers))
    assert load_parameters(tmp_path / "stopped" / "checkpoint.npz")[1]["step"] == 3


def test_a_run_that_breaks_leaves_its_checkpoints(tmp_path):
    run = trainer()
    run.run(tmp_path, keep_every=5, stopped=lambda: run.step == 6)
    kept = {path.name: load_parameters(path)[1]["step"] for path in tmp_path.glob("*.npz")}
    assert kept == {"checkpoint.npz": 6, "checkpoint-5.npz": 5}
    run.parameters["head.weight"][0, 0] = np.nan
    with pytest.raises(ArgumentError, match=r"the loss is nan at step 7; the checkpoints are"):
        run.run(tmp_path, save_seconds=0)
    assert load_parameters(tmp_path / "checkpoint.npz")[1]["step"] == 6


def test_half_precision_learns_as_well():
    if not Kernels(np.float32).has_half():
        pytest.skip("this processor has no instructions for bfloat16")
    tokens, ends = as_bytes(TEXT), []
    for precision in ("float32", "bfloat16"):
        run = Trainer(SMALL, replace(RECIPE, precision=precision), tokens, {}, SIZES)
        ends.append([run.train_step() for _ in range(14)])
    assert ends[0] != ends[1]
    np.testing.assert_allclose(ends[0], ends[1], rtol=0.02)


def test_half_precision_is_refused_where_the_processor_has_none(monkeypatch):
    monkeypatch.setattr(Kernels, "has_half", lambda self: False)
    with pytest.raises(ArgumentError, match=r"precision is bfloat16, .* choose float32"):
        Trainer(SMALL, replace(RECIPE, precision="bfloat16"), as_bytes(TEXT), {}, SIZES)


def test_what_is_not_wanted_is_not_learned():
    tokens = as_bytes(TEXT)
    wanted = answers(tokens, [b"", *(bytes([n]) for n in range(256))])
    runs = [Trainer(SMALL, RECIPE, tokens, {}, SIZES, wanted=w) for w in (wanted, None)]
    for run in runs:
        losses = [run.train_step() for _ in range(6)]
        assert losses[-1] < losses[0]
    narrow, all_of_it = runs
    assert narrow.streams.learned.mean() < 0.7
    assert all_of_it.streams.learned.all()
    assert not np.array_equal(narrow.parameters.flat, all_of_it.parameters.flat)


def test_answers_are_marked_up_to_the_next_question():
    pieces = [b"", *(bytes([n]) for n in range(256))]
    tokens = as_bytes(["User: a\n\nAssistant: b\n\nUser: c\n\nAssistant: d", "User: x", "word: y"])
    marked = answers(tokens, pieces)
    said = "".join(chr(t - 1) if t else "|" for t, m in zip(tokens, marked, strict=True) if m)
    assert said == " b\n\nUser: d|"


def test_an_odd_batch_is_refused():
    with pytest.raises(ArgumentError, match="batch is 3; it must be even"):
        Trainer(SMALL, Recipe(batch=3), as_bytes(TEXT), {}, SIZES)


@pytest.mark.parametrize("half", [False, True])
def test_the_file_evaluated_alone_gives_the_same_logits(tmp_path, half):
    parameters = initial_parameters(Shape(layers=2), 3)
    parameters.flat += np.random.default_rng(0).normal(0, 0.05, parameters.flat.shape)
    path = tmp_path / "model.bin"
    assert write_file(parameters, path, half) == path.stat().st_size
    again = parameters_of(path)
    np.testing.assert_allclose(again.flat, parameters.flat, atol=5e-4 if half else 0)
    tokens = np.random.default_rng(1).integers(0, 4096, (1, 24)).astype(np.int32)
    expected = Network(again, 1, 24).forward(tokens, CarriedState(again.shape, 1))
    model = Recurrent(path)
    found = np.stack([model.evaluate(int(token)) for token in tokens[0]])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_layout_of_the_file(tmp_path):
    write_file(
        initial_parameters(Shape(width=128, layers=4, vocabulary=257), 1), tmp_path / "model.bin"
    )
    header, tensors = read_file(tmp_path / "model.bin")
    assert header == Header(257, 128, 4, TensorType.FP16)
    names = list(tensors)
    assert names[0] == "emb.weight"
    assert names[1:8] == [f"blocks.0.{n}" for n in (
        "ln1.weight", "ln1.bias", "ln2.weight", "ln2.bias", "ln0.weight", "ln0.bias",
        "att.x_rwkvag",
    )]  # fmt: skip
    assert names[-3:] == ["ln_out.weight", "ln_out.bias", "head.weight"]
    assert tensors["blocks.0.att.x_rwkvag"].shape == (6, 1, 128)
    assert tensors["blocks.1.att.r_k"].shape == (2, 64)
    assert tensors["blocks.1.att.v1"].shape == (32, 128)
    assert "blocks.0.att.v1" not in tensors
    (tmp_path / "bad.bin").write_bytes(bytes(64))
    with pytest.raises(ModelFormatError, match=r"not a model"):
        read_file(tmp_path / "bad.bin")


def test_a_file_comes_back_byte_for_byte(tmp_path):
    first = tmp_path / "first.bin"
    write_file(initial_parameters(Shape(width=128, layers=2), 1), first)
    write_file(parameters_of(first), tmp_path / "second.bin")
    assert (tmp_path / "second.bin").read_bytes() == first.read_bytes()


def test_a_quantised_file_is_refused(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(random_model_bytes("7.0", n_embed=64, n_layer=1, type="Q8_0"))
    with pytest.raises(UnsupportedModelError, match=r"of model.bin is Q8_0; only FP32 and FP16"):
        read_file(path)


def test_streams_carry_on_or_start_afresh():
    tokens = as_bytes(TEXT)
    streams = Streams(tokens, batch=6, window=16, jump=0.3, seed=1)
    before, _ = streams.next()
    assert streams.fresh.all()
    for _ in range(40):
        last = before
        before, targets = streams.next()
        np.testing.assert_array_equal(before[:, 1:], targets[:, :-1])
        for stream in np.flatnonzero(streams.fresh):
            assert bytes(before[stream, :5].astype(np.uint8) - 1) == b"User:"
        assert last.shape == before.shape
    with pytest.raises(ValueError, match="less text"):
        Streams(tokens[:10], 2, 16, 0.1, 1)


def test_schedule_rises_stays_and_falls():
    rates = [learning_rate(step, 1.0, 10, 100, 20) for step in range(101)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert set(rates[9:81]) == {1.0}
    assert rates[81:] == sorted(rates[81:], reverse=True)
    assert rates[100] == 0
    assert {learning_rate(step, 1.0, 10) for step in (9, 1000, 10**9)} == {1.0}


@pytest.mark.parametrize("sides", [(40, 40), (24, 96), (96, 24)])
def test_muon_takes_the_nearest_orthogonal_matrix(sides):
    matrix = np.random.default_rng(1).normal(0, 3, sides)
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    found = orthogonalized(matrix)
    np.testing.assert_allclose(u.T @ found @ v.T, np.diag(np.diag(u.T @ found @ v.T)), atol=1e-9)
    values = np.linalg.svd(found, compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3
    assert not orthogonalized(np.zeros(sides)).any()


def test_adamw_as_published():
    random = np.random.default_rng(2)
    values, gradient, optimizer = Parameters(SMALL), Parameters(SMALL), Optimizer(SMALL, clip=1e9)
    values.flat[:] = random.normal(0, 1, values.flat.size)
    name, first, second = "head.weight", 0.0, 0.0
    expected = values[name].astype(np.float64)
    for step in range(3):
        gradient.flat[:] = random.normal(0, 1, values.flat.size)
        optimizer.update(values, gradient, step, rate=0.01)
        g = gradient[name].astype(np.float64)
        first, second = 0.9 * first + 0.1 * g, 0.98 * second + 0.02 * g * g
        mean, size = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.98 ** (step + 1))
        expected -= 0.01 * (mean / (np.sqrt(size) + 1e-8) + 0.1 * expected)
    np.testing.assert_allclose(values[name], expected, atol=1e-6)


def test_a_long_gradient_is_clipped():
    gradient, optimizer = Parameters(SMALL), Optimizer(SMALL, clip=1.0)
    gradient.flat[:] = 10.0
    norm = optimizer.update(Parameters(SMALL), gradient, 0, rate=0.0)
    assert norm == pytest.approx(10 * gradient.flat.size**0.5, rel=1e-3)
    first = optimizer.first["head.weight"]
    np.testing.assert_allclose(first, 0.1 / gradient.flat.size**0.5, rtol=1e-3)


def test_decay_touches_big_matrices_only():
    big = [name for name in SMALL.tensors() if Parameters.is_big(name)]
    assert len(big) == 6 * SMALL.layers + 1
    assert all(name.endswith(".weight") and len(SMALL.tensors()[name]) == 2 for name in big)
    assert "emb.weight" not in big

"""States are values: saved, restored, looked into and never changed."""

from __future__ import annotations

import copy
import pickle
import struct
import zlib
from itertools import pairwise

import hypothesis
import numpy as np
import pytest
from deep_tree_echo import Model, State
from deep_tree_echo.errors import ArgumentError, ModelFormatError
from deep_tree_echo.loading import SAMPLE_BYTES, SAMPLE_STRIDE, Sample
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluators import load
from tests.random_models import ARCHITECTURES, random_model_bytes

FEW = hypothesis.settings(max_examples=max(5, hypothesis.settings.default.max_examples // 20))


@pytest.fixture(scope="module")
def model():
    return Model.load(random_model_bytes())


@pytest.fixture
def state(model):
    return model.eval([1, 2, 3])[1]


def equal(one, two):
    return np.array_equal(one.to_numpy(), two.to_numpy())


@FEW
@given(st.lists(st.integers(0, 256), min_size=1, max_size=20), st.integers(0, 256))
def test_a_saved_state_goes_on_identically(model, tmp_path_factory, tokens, following):
    path = tmp_path_factory.mktemp("state") / "state.bin"
    _, state = model.eval(tokens)
    state.save(path)
    again = State.load(model, path)
    assert equal(state, again)
    assert np.array_equal(model.eval([following], state)[0], model.eval([following], again)[0])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_saved(architecture, tmp_path):
    model = Model.load(random_model_bytes(architecture))
    _, state = model.eval([1, 2])
    state.save(tmp_path / "state")
    assert equal(State.load(model, tmp_path / "state"), state)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_are_views_of_everything(architecture):
    model = Model.load(random_model_bytes(architecture))
    _, state = model.eval([1, 2])
    layers = state.layers()
    assert len(layers) == model.n_layer
    assert sum(part.size for layer in layers for part in layer.values()) == state.size
    names = list(layers[0])
    if architecture == "4.0":
        assert names == ["time_shift", "channel_shift", "aa", "bb", "pp"]
        assert model.fresh_state().layers()[0]["pp"].tolist() == pytest.approx([-1e30] * 64)
    else:
        assert names == ["time_shift", "channel_shift", "matrix"]
        assert layers[0]["matrix"].shape == (model.n_head, model.head_size, model.head_size)
    flat = np.concatenate([part.ravel() for layer in layers for part in layer.values()])
    assert np.array_equal(flat, state.to_numpy())
    with pytest.raises(ValueError, match="read-only"):
        layers[0]["time_shift"][0] = 1


def test_to_numpy_is_a_copy(model, state):
    array = state.to_numpy()
    array[:] = 0
    assert state.to_numpy().any()


def test_from_numpy_copies_and_takes_any_shape(model, state):
    array = state.to_numpy().reshape(model.n_layer, -1)
    made = State.from_numpy(model, array)
    array[:] = 0
    assert equal(made, state)
    assert equal(State.from_numpy(model, state.to_numpy().tolist()), state)
    assert equal(State.from_numpy(model, state.to_numpy().astype(np.float64)), state)


def test_a_clone_is_equal_and_separate(state):
    clone = state.clone()
    assert equal(clone, state)
    assert clone._address != state._address


def test_copies_and_pickles_own_their_numbers(model):
    def make():
        return model.eval([1, 2, 3])[1]

    expected = make().to_numpy()
    for again in (copy.deepcopy(make()), copy.copy(make()), pickle.loads(pickle.dumps(make()))):
        assert again.shape == model.state_shape
        assert again.fingerprint == model.fingerprint != ""
        assert np.array_equal(again.to_numpy(), expected)
        assert again._address == again._array.ctypes.data
        assert np.array_equal(model.eval([4], again)[0], model.eval([4], make())[0])


@pytest.mark.parametrize("array", [np.zeros(3, np.float32), np.zeros(12672), np.zeros((3, 4224))])
def test_no_state_has_another_shape(model, array):
    with pytest.raises(ArgumentError, match=r"array has the shape .* has 12672 float32"):
        State(model.state_shape, array)


@pytest.mark.parametrize("size", [0, 1, 12671, 12673])
def test_another_size_is_refused(model, size):
    with pytest.raises(ArgumentError, match=f"array has {size} numbers; a state of RWKV 7.0 "):
        State.from_numpy(model, np.zeros(size))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(model, value):
    array = model.fresh_state().to_numpy()
    array[5] = value
    with pytest.raises(ArgumentError, match=rf"array\[5\] is {value}; "):
        State.from_numpy(model, array)


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_numbers_beyond_float32_are_refused(model):
    array = model.fresh_state().to_numpy().astype(np.float64)
    array[5] = 1e300
    with pytest.raises(ArgumentError, match=r"array\[5\] is inf; "):
        State.from_numpy(model, array)


@pytest.mark.parametrize("array", ["text", [object()], [[1], [1, 2]], None])
def test_what_is_not_made_of_numbers_is_refused(model, array):
    with pytest.raises(ArgumentError, match="array"):
        State.from_numpy(model, array)


def test_a_missing_file(model):
    with pytest.raises(ArgumentError, match=r"path is 'nowhere'; there is no such file"):
        State.load(model, "nowhere")


def test_a_state_of_another_model(model, state, tmp_path):
    path = tmp_path / "state"
    state.save(path)
    for other in (random_model_bytes("6.0"), random_model_bytes(n_layer=2)):
        with pytest.raises(ModelFormatError, match=r"state belongs to RWKV 7\.0 .*; this model is"):
            State.load(Model.load(other), path)


def test_a_state_of_a_model_with_other_weights(model, state, tmp_path):
    path = tmp_path / "state"
    state.save(path)
    other = Model.load(random_model_bytes(seed=2))
    with pytest.raises(ModelFormatError, match="state was made by another model of the same sizes"):
        State.load(other, path)
    assert equal(State.load(model.clone(), path), state)
    # However the file came and whatever its head became, it is the same model.
    data = random_model_bytes()
    again = Model.load([data[:1000], data[1000:]], head="Q8_0")
    assert equal(State.load(again, path), state)


def test_the_backends_agree_on_whose_state_it_is(model, state, tmp_path):
    numpy_model = load("python_rwkv", random_model_bytes())
    assert numpy_model.fingerprint == model.fingerprint
    numpy_model.eval([1, 2, 3])[1].save(path := tmp_path / "state")
    assert State.load(model, path).fingerprint == state.fingerprint


def test_weights_that_differ_in_one_matrix_are_another_model(state, tmp_path):
    data = bytearray(random_model_bytes())
    state.save(path := tmp_path / "state")
    at = len(data) // 2 // SAMPLE_STRIDE * SAMPLE_STRIDE
    data[at : at + SAMPLE_BYTES : 4] = bytes(len(data[at : at + SAMPLE_BYTES : 4]))
    with pytest.raises(ModelFormatError, match="another model"):
        State.load(Model.load(data), path)


def test_a_file_from_before_there_were_fingerprints(model, state, tmp_path):
    path = tmp_path / "old"
    shape = model.state_shape
    data = state.to_numpy().tobytes()
    sizes = (shape.n_layer, shape.n_embed, shape.n_head, shape.head_size)
    path.write_bytes(struct.pack("<8sI5iI", b"DTESTATE", 1, 70, *sizes, zlib.crc32(data)) + data)
    with pytest.warns(UserWarning, match="whether this model made it cannot be told"):
        assert equal(State.load(model, path), state)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelFormatError, match="damaged"):
        State.load(model, path)


@given(st.binary(min_size=1, max_size=5 * SAMPLE_STRIDE), st.lists(st.integers(0, 400_000)))
def test_a_sample_does_not_depend_on_the_pieces(data, cuts):
    whole, pieces = Sample(), Sample()
    whole.push(data)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for begin, end in pairwise(edges):
        pieces.push(data[begin:end])
    assert whole.hexdigest(1) == pieces.hexdigest(1)
    assert whole.hexdigest(1) != whole.hexdigest(2)


def test_a_folder_that_is_not_there(state, tmp_path):
    with pytest.raises(ArgumentError, match="there is no folder"):
        state.save(tmp_path / "none" / "state")


def test_every_damaged_file_is_refused(model, state, tmp_path):
    path = tmp_path / "state"
    state.save(path)
    whole = path.read_bytes()
    for size in (0, 4, 12, 39, 40, 41, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFormatError, match="state"):
            State.load(model, path)
    for damaged in (whole + b"x", b"GGUF" + whole[4:], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(ModelFormatError, match="state"):
            State.load(model, path)


@given(st.binary(max_size=100), st.integers(0, 60))
def test_noise_is_refused(model, tmp_path_factory, noise, keep):
    path = tmp_path_factory.getbasetemp() / "noise"
    model.fresh_state().save(path)
    path.write_bytes(path.read_bytes()[:keep] + noise)
    with pytest.raises(ModelFormatError):
        State.load(model, path)


def test_a_failed_save_leaves_the_old_file(model, state, tmp_path, monkeypatch):
    path = tmp_path / "state"
    model.fresh_state().save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        state.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]


def test_save_replaces_whole_files(model, state, tmp_path):
    path = tmp_path / "state"
    model.fresh_state().save(path)
    state.save(str(path))
    assert equal(State.load(model, path), state)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]

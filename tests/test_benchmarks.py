"""The benchmarks' own arithmetic: medians, the page that is written from them, names in GGUF."""

from __future__ import annotations

import sys

import pytest

if sys.platform == "emscripten":
    pytest.skip("benchmarks run outside", allow_module_level=True)

from tests.bench._measure import Turn, interleaved, summary
from tests.bench._models import N_VOCAB, RANKS, SMALL, gguf_name, recipe
from tests.bench._report import GOALS, report


def test_rates_are_tokens_a_second_of_either_clock() -> None:
    turns = [Turn(10, 1000, 500), Turn(10, 2000, 250), Turn(10, 4000, 1000)]
    found = summary(turns)
    assert [found[f"wall_{part}"] for part in ("median", "min", "max")] == [5, 2.5, 10]
    assert [found[f"cpu_{part}"] for part in ("median", "min", "max")] == [20, 10, 40]


def test_contestants_run_in_turn_and_the_first_turn_does_not_count() -> None:
    order: list[str] = []

    def contestant(name: str) -> Turn:
        order.append(name)
        return Turn(1, len(order), len(order))

    turns = interleaved({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, rounds=2)
    assert order == list("ababab")
    assert [turn.wall_ms for turn in turns["a"]] == [3, 5]


def test_the_page_says_where_we_lose() -> None:
    figures = {goal.key: max(goal.goal, 1) if goal.sign == "≥" else goal.goal for goal in GOALS}
    text = "\n".join(report(figures))
    assert "To no peer that was measured." in text
    assert "missed" not in text
    assert "Not measured yet" not in text

    assert "other work" not in text

    figures["speed_other_work"] = 1.7
    figures["decode_q8_wasm_vs_wllama"] = 0.9
    figures["peak_memory_0.1B_q8_mb"] = 451
    del figures["first_token_snapshot_vs_plain"]
    text = "\n".join(report(figures))
    assert "**The machine had other work**, in busy cores: speed 1.7." in text
    assert "- `decode_q8_wasm_vs_wllama`: 0.90" in text
    assert "Goals missed: `decode_q8_wasm_vs_wllama`, `peak_memory_0.1B_q8_mb`." in text
    assert "Not measured yet: `first_token_snapshot_vs_plain`." in text


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("emb.weight", "token_embd.weight"),
        ("head.weight", "output.weight"),
        ("ln_out.bias", "output_norm.bias"),
        ("blocks.0.ln0.bias", "token_embd_norm.bias"),
        ("blocks.3.ln2.weight", "blk.3.attn_norm_2.weight"),
        ("blocks.3.att.x_rwkvag", "blk.3.time_mix_lerp_fused.weight"),
        ("blocks.3.att.w1", "blk.3.time_mix_w1.weight"),
        ("blocks.3.att.ln_x.weight", "blk.3.time_mix_ln.weight"),
        ("blocks.11.ffn.x_k", "blk.11.channel_mix_lerp_k.weight"),
        ("blocks.11.ffn.key.weight", "blk.11.channel_mix_key.weight"),
    ],
)
def test_names_of_tensors_in_gguf(ours: str, theirs: str) -> None:
    assert gguf_name(ours) == theirs


def test_the_weights_that_a_token_reads_are_all_matrices_but_the_embedding() -> None:
    first = 0
    for name, values in recipe(SMALL):
        if name.startswith("blocks.1."):
            break
        if values.ndim == 2 and name != "emb.weight" and not name.endswith("r_k"):
            first += values.size
    residual = 2 * RANKS["v"] * SMALL.n_embed  # which the first layer lacks
    head = N_VOCAB * SMALL.n_embed
    assert SMALL.weights_per_token == SMALL.n_layer * (first + residual) - residual + head

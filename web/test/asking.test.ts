import { describe, expect, it } from "vitest";

import {
  EXAMPLES,
  heldAgain,
  heldBy,
  PLAIN,
  pretty,
  shortAsking,
  wholeAsking,
} from "../src/talk/asking.js";
import { append, newTalk } from "../src/talk/tree.js";
import { elected, runsOf, voteOf } from "../src/viz/reasoning-tree.js";
import type { Account, Drawn } from "../src/worker/protocol.js";

describe("how answers are asked for", () => {
  it("makes whole what was kept", () => {
    expect(wholeAsking(undefined)).toEqual(PLAIN);
    const strange = { branches: 99, several: 1, form: "xml", sources: { grammar: 3 } };
    expect(wholeAsking(strange)).toEqual(PLAIN);
    const kept = { ...PLAIN, branches: 4, several: 4, form: "grammar" as const };
    expect(wholeAsking(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
  });

  it("has a short name unless it is the ordinary way", () => {
    expect(shortAsking(PLAIN)).toBe("");
    expect(shortAsking({ ...PLAIN, branches: 3, form: "json_schema" })).toBe("3 and vote, JSON");
  });

  it("breaks the lines of JSON and of nothing else", () => {
    expect(pretty('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(pretty("{half")).toBe("{half");
  });

  it("keeps an answer that goes on to the form in which it has begun", () => {
    const asked = { ...PLAIN, form: "grammar" as const };
    const held = heldBy(asked);
    expect(held).toEqual({ form: "grammar", source: PLAIN.sources.grammar });
    expect(heldBy(PLAIN)).toBeUndefined();
    const answer = append(newTalk(), null, "assistant", "", "done");
    expect(heldAgain({ ...answer, held }, PLAIN)).toBe(held);
    expect(heldAgain(answer, asked)).toBeUndefined();
    // One that was kept before its source was.
    const membranes = { form: "grammar" } as Account;
    expect(heldAgain({ ...answer, membranes }, asked)).toEqual(held);
    expect(heldAgain({ ...answer, membranes }, PLAIN)).toBeUndefined();
  });

  it("has three examples, of JSON where they say so", () => {
    expect(EXAMPLES).toHaveLength(3);
    for (const { form, source } of EXAMPLES) {
      if (form === "json_schema") expect(() => JSON.parse(source) as unknown).not.toThrow();
    }
  });
});

/** `ab`, `ac` and `a`: the last one ends in the middle. */
const DRAWN: Drawn = {
  kind: "general",
  compare: "words",
  chosen: 1,
  nodes: [
    [-1, "x", -0.1],
    [0, "a", -0.2],
    [1, "b", -0.3],
    [1, "c", -0.4],
  ],
  candidates: [2, 3, 1].map((leaf) => ({
    text: "",
    tokens: 1,
    per_token: -0.1,
    stop_reason: "end",
    leaf,
  })),
  votes: [
    { members: [0, 2], share: 0.7 },
    { members: [1], share: 0.3 },
  ],
};

describe("the tree of candidates", () => {
  it("is cut into runs where candidates part", () => {
    const runs = runsOf(DRAWN);
    expect(runs.map(({ nodes }) => nodes.map(([, text]) => text).join(""))).toEqual([
      "xa",
      "b",
      "c",
    ]);
    expect(runs.map(({ parent }) => parent)).toEqual([-1, 0, 0]);
    expect(runs.map(({ column }) => column)).toEqual([0, 1, 1]);
    expect(runs[0]!.candidates).toEqual([0, 1, 2]);
  });

  it("gives every candidate a row of its own", () => {
    const runs = runsOf(DRAWN);
    // The one that ends first comes first, and the shared beginning is in the middle.
    expect(runs.map(({ row }) => row)).toEqual([1, 1, 2]);
  });

  it("begins several times where nothing is shared, and bears empty candidates", () => {
    const { candidates } = DRAWN;
    const apart: Drawn = {
      ...DRAWN,
      nodes: [
        [-1, "a", null],
        [-1, "b", null],
      ],
      candidates: [0, 1, -1].map((leaf, at) => ({ ...candidates[at]!, leaf })),
    };
    expect(runsOf(apart).map(({ parent }) => parent)).toEqual([-1, -1]);
    expect(runsOf({ ...apart, nodes: [], candidates: [] })).toEqual([]);
  });

  it("knows who voted with whom", () => {
    expect(voteOf(DRAWN, 2)).toEqual({ group: 1, share: 0.7 });
    expect(voteOf({ ...DRAWN, votes: [] }, 0)).toBeNull();
    expect(elected(DRAWN)).toBe(0);
  });
});

import { describe, expect, it } from "vitest";

import { framesOf } from "../src/viz/engine-frames.js";
import type { Account, AccountStep } from "../src/worker/protocol.js";

function step(part: AccountStep["part"], name: string, numbers = {}): AccountStep {
  return { part, step: name, begin: 0, seconds: 0.1, numbers };
}

function account(...steps: AccountStep[]): Account {
  return { form: null, branches: 1, confidence: null, steps, parts: {}, drawn: null, recalled: [] };
}

const ANSWER = account(
  step("memory", "prepare"),
  step("reasoning", "begin"),
  step("model", "read", { tokens: 38 }),
  step("model", "write", { tokens: 12 }),
  step("reasoning", "finish", { confidence: 0.25 }),
);

describe("an answer as nested membranes", () => {
  it("begins with the question, has a frame for each step, and ends with the answer", () => {
    const frames = framesOf(ANSWER, true);
    expect(frames.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(frames[0]!.text).toBe("The question comes in.");
    expect(frames.map(({ applied }) => applied[0]!.membrane)).toEqual([1, 2, 3, 5, 5, 3, 1]);
    expect(frames.map(({ environment }) => environment)).toEqual([
      ...Array.from({ length: 6 }, () => ({})),
      { answer: 1 },
    ]);
    for (const { membranes } of frames) {
      const known = new Set([0]);
      // A membrane comes after the one around it.
      for (const { id, parent } of membranes) {
        expect(known.has(parent)).toBe(true);
        known.add(id);
      }
    }
  });

  it("keeps what a membrane holds", () => {
    const last = framesOf(ANSWER, true).at(-1)!;
    const held = Object.fromEntries(last.membranes.map(({ label, contents }) => [label, contents]));
    expect(held).toEqual({
      engine: { question: 1 },
      memory: {},
      reasoning: { plan: 1, "confidence 25 %": 1 },
      grammar: {},
      model: { read: 38, written: 12 },
    });
  });

  it("does not end while it goes on", () => {
    expect(framesOf(ANSWER, false)).toHaveLength(6);
    expect(framesOf(account(), false)).toHaveLength(1);
  });

  it("says what failed, and by whom", () => {
    const broken = account({ ...step("memory", "prepare"), error: "It broke." });
    const frame = framesOf(broken, false)[1]!;
    expect(frame.text).toBe("It failed: It broke.");
    expect(frame.applied[0]!.membrane).toBe(2);
    expect(frame.flows).toEqual([]);
  });

  it("counts candidates, votes and memories", () => {
    const drawn: Account = {
      ...account(
        step("memory", "prepare"),
        step("reasoning", "candidate 1", { tokens: 1 }),
        step("reasoning", "candidate 2", { tokens: 5 }),
        step("reasoning", "vote", { groups: 1, chosen: 2 }),
      ),
      branches: 2,
      recalled: [{ id: "m" }] as unknown as NonNullable<Account["recalled"]>,
    };
    const frames = framesOf(drawn, false);
    expect(frames[1]!.text).toContain("1 came to mind, and the model reads it first");
    expect(frames[2]!.text).toContain("candidate 1 from the state after the question: 1 token.");
    expect(frames[3]!.flows).toEqual([[5, 3, { token: 5 }]]);
    expect(frames[4]!.text).toBe(
      "Candidates that agree vote together: 1 group. Candidate 2 becomes the answer.",
    );
    const reasoning = frames[4]!.membranes.find(({ label }) => label === "reasoning")!;
    expect(reasoning.contents).toEqual({ candidate: 2, group: 1 });
  });

  it("names the form only where there is one", () => {
    const begin = step("grammar", "begin");
    const [, free] = framesOf(account(begin), false);
    const [, held] = framesOf({ ...account(begin), form: "json_schema" }, false);
    expect(free!.text).toContain("no form");
    expect(held!.membranes.find(({ label }) => label === "grammar")!.contents).toEqual({ form: 1 });
  });
});

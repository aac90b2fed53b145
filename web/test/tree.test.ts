import { describe, expect, it } from "vitest";

import { readPlace, writePlace } from "../src/address.js";
import { completed, DEFAULTS } from "../src/talk/settings.js";
import { append, newTalk, path, showBranch, siblings, talkTitle } from "../src/talk/tree.js";

describe("a talk", () => {
  it("is a tree of which one path is shown", () => {
    const talk = newTalk();
    const question = append(talk, null, "user", "Hello", "done");
    const first = append(talk, question.id, "assistant", "Hi", "done");
    const second = append(talk, question.id, "assistant", "Good day", "done");
    expect(path(talk)).toEqual([question, second]);
    expect(siblings(talk, first)).toEqual([first, second]);
    const further = append(talk, second.id, "user", "And?", "done");
    showBranch(talk, first.id);
    expect(path(talk)).toEqual([question, first]);
    showBranch(talk, second.id);
    expect(talk.leaf).toBe(further.id);
  });

  it("is named by its first words, unless it has a name", () => {
    const talk = newTalk();
    expect(talkTitle(talk)).toBe("New chat");
    append(talk, null, "user", `  What\n is ${"very ".repeat(20)}long`, "done");
    expect(talkTitle(talk)).toMatch(/^What is very .*…$/);
    expect(talkTitle(talk).length).toBeLessThanOrEqual(48);
    talk.title = "Mine";
    expect(talkTitle(talk)).toBe("Mine");
  });
});

describe("settings", () => {
  it("replace what is out of range by the default", () => {
    expect(completed(undefined)).toEqual(DEFAULTS);
    expect(completed({ temperature: 0.5, top_p: 7, seed: -1 })).toEqual({
      ...DEFAULTS,
      temperature: 0.5,
    });
    expect(completed({ seed: 42 }).seed).toBe(42);
  });
});

describe("the address", () => {
  it("keeps the place", () => {
    for (const place of [
      { talk: null, column: "talk", view: null, laboratory: null },
      { talk: "a-b_", column: "inside", view: "model", laboratory: null },
      { talk: "x", column: "chats", view: "state", laboratory: null },
      { talk: "x", column: "inside", view: "reservoir", laboratory: null },
      { talk: null, column: "talk", view: null, laboratory: "trees" },
    ] as const) {
      expect(readPlace(writePlace(place))).toEqual(place);
    }
  });

  it("leaves out what it does not know", () => {
    expect(readPlace("#view=later&column=nowhere")).toEqual({
      talk: null,
      column: "talk",
      view: null,
      laboratory: null,
    });
    expect(readPlace("#/laboratory/alchemy").laboratory).toBe("reservoir");
    expect(readPlace("#/laboratory").laboratory).toBe("reservoir");
  });
});

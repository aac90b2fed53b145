import { describe, expect, it, vi } from "vitest";

import { Replay } from "../src/engine/replay.js";
import type { Session } from "../src/engine/session.js";
import { append, newTalk } from "../src/talk/tree.js";
import { begunWith, fitted, named, surprise, textOf } from "../src/talk/words.js";
import { percent } from "../src/ui/format.js";
import type { Spot, Word } from "../src/worker/protocol.js";

// The link starts the engine's worker, which there is none of here.
vi.mock("../src/engine/link.js", () => ({ callback: (call: unknown) => call }));

const words = (...texts: string[]): Word[] => texts.map((text, id) => [id + 1, 0.5, text, []]);

describe("the words of an answer", () => {
  it("are those of its text", () => {
    const all = words(" Hel", "lo", " there");
    expect(fitted(all, "Hello there", "Hello there")).toEqual(all);
  });

  it("end where the text ends, before a stop string", () => {
    const all = words(" Hello", ".", "\n", "\n", "User");
    expect(textOf(fitted(all, "Hello.", "Hello.")!)).toBe(" Hello.");
    expect(textOf(fitted(words(" Hello", ".\n\nUs"), "Hello.", "Hello.")!)).toBe(" Hello.");
  });

  it("keep the spaces that were shown, so that the answer can go on", () => {
    const all = words(" Hello", " ", " ");
    expect(fitted(all, "Hello  ", "Hello")).toEqual(all);
  });

  it("of another text are none", () => {
    expect(fitted(words(" Good", " day"), "Hello", "Hello")).toBeNull();
    expect(fitted([], "", "")).toEqual([]);
  });

  it("begin a branch, and no character is cut in two", () => {
    const answer = append(newTalk(), null, "assistant", "né!", "done");
    answer.words = words("n", "", "é", "!");
    expect(begunWith(answer, 3, [9, 0.1, "?"])).toEqual({
      answerId: answer.id,
      ids: [1, 2, 3],
      then: [9],
      text: "né",
    });
    expect(begunWith(answer, 2, [9, 0.1, "\ufffd"])).toMatchObject({
      ids: [1],
      then: [2, 9],
      text: "n",
    });
  });

  it("are named so that spaces can be seen", () => {
    expect(named(" the")).toBe("␣the");
    expect(named("\n\n")).toBe("↵↵");
    expect(named("")).toBe("part of a character");
    expect(named("", 0)).toBe("the end");
  });

  it("have probabilities that can be read", () => {
    expect([1, 0.9997, 0.314, 0.0421, 0.0004].map(percent)).toEqual([
      "100 %",
      "100 %",
      "31 %",
      "4.2 %",
      "< 0.1 %",
    ]);
    expect(surprise(0.25)).toBe(2);
    expect(surprise(1)).toBe(0);
    expect(surprise(0)).toBeLessThan(50);
  });
});

/** A talk of two answers, and what the engine was asked for. */
function replayed() {
  const talk = newTalk();
  const asked: (Spot | null)[] = [];
  let release: () => void = () => undefined;
  const question = append(talk, null, "user", "Hello", "done");
  const first = append(talk, question.id, "assistant", "Hi you", "done");
  first.words = words("Hi", " you");
  const more = append(talk, first.id, "user", "And?", "done");
  const second = append(talk, more.id, "assistant", "Yes", "done");
  second.words = words("Yes");
  const session = {
    talk,
    answering: null,
    phase: "ready",
    changed: () => undefined,
    engine: {
      seek: (spot: Spot | null) => {
        asked.push(spot);
        return new Promise<boolean>((resolve) => (release = () => resolve(true)));
      },
    },
  } as unknown as Session;
  const settle = async () => {
    release();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { replay: new Replay(session), session, first, second, asked, settle };
}

describe("a replay", () => {
  it("goes through all words of all answers", () => {
    const { replay, first, second } = replayed();
    expect(replay.length).toBe(5);
    expect([0, 1, 2, 3, 4].map((at) => replay.locate(at))).toEqual([
      { answer: first, words: 0 },
      { answer: first, words: 1 },
      { answer: first, words: 2 },
      { answer: second, words: 0 },
      { answer: second, words: 1 },
    ]);
  });

  it("asks for one place at a time, and last for the last one wanted", async () => {
    const { replay, second, asked, settle } = replayed();
    replay.go(1);
    replay.go(2);
    replay.goInto(second, 1);
    expect(asked.map((spot) => spot?.ids.length)).toEqual([1]);
    await settle();
    expect(asked.map((spot) => spot?.answerId)).toHaveLength(2);
    expect(asked[1]).toMatchObject({ answerId: second.id, ids: [1] });
    expect(asked[1]!.turns.map(({ text }) => text)).toEqual(["Hello", "Hi you", "And?"]);
    expect(replay.wordsOf(second)).toBe(1);
  });

  it("leaves at once, beyond the last place, and when the talk is another", async () => {
    const { replay, session, asked, settle } = replayed();
    replay.go(1);
    replay.leave();
    expect(asked.at(-1)).toBeNull();
    await settle();
    replay.go(5);
    expect(replay.at).toBeNull();
    replay.go(2);
    expect(replay.at).toBe(2);
    session.talk = newTalk();
    replay.check();
    expect(replay.at).toBeNull();
  });
});

import { expect, it } from "vitest";

import { branchesAt } from "../src/talk/branches.js";
import { append, newTalk, showBranch } from "../src/talk/tree.js";

it("follows each branch from where they part", () => {
  const talk = newTalk();
  const question = append(talk, null, "user", "Hello", "done");
  const first = append(talk, question.id, "assistant", "Hi", "done");
  const older = append(talk, first.id, "user", "And?", "done");
  const newer = append(talk, first.id, "user", "Then?", "done");
  const second = append(talk, question.id, "assistant", "Good day", "done");
  expect(branchesAt(talk, second)).toEqual([
    { number: 1, messages: [first, newer] },
    { number: 2, messages: [second] },
  ]);
  // The one on the screen is compared as it is shown.
  showBranch(talk, older.id);
  expect(branchesAt(talk, first)[0]).toEqual({ number: 1, messages: [first, older] });
  expect(branchesAt(talk, question)).toHaveLength(1);
});

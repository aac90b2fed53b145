import type { Begun, Other, Word } from "../worker/protocol.js";
import type { Message } from "./tree.js";

/** The text of some words, with all spaces. */
export function textOf(words: readonly Word[]): string {
  return words.map(([, , text]) => text).join("");
}

/**
 * The words that an answer really has: what came after the end of the text that was shown (a stop
 * string) goes. `null` if they are not the words of that text.
 *
 * @param words of the whole answer.
 * @param shown what was shown of it, token by token.
 * @param text the answer as it was settled, without spaces around it.
 */
export function fitted(words: readonly Word[], shown: string, text: string): Word[] | null {
  const kept: Word[] = [];
  const goal = shown.trimStart().length;
  let raw = "";
  for (const word of words) {
    if (raw.trimStart().length >= goal && raw.trim()) break;
    raw += word[2];
    kept.push(word);
  }
  const over = raw.trimStart().length - goal;
  const last = kept.at(-1);
  if (over > 0 && last && over <= last[2].length) {
    const [id, probability, piece, others] = last;
    kept[kept.length - 1] = [id, probability, piece.slice(0, piece.length - over), others];
  }
  return textOf(kept).trim() === text.trim() ? kept : null;
}

/** What a branch begins with that says `other` in place of the word `at`. */
export function begunWith(answer: Message, at: number, other: Other): Begun {
  const words = answer.words ?? [];
  let kept = at;
  // A character that is cut in two cannot be continued as text: its first half is said again.
  while (kept > 0 && words[kept - 1]![2] === "") kept--;
  return {
    answerId: answer.id,
    ids: words.slice(0, kept).map(([id]) => id),
    then: [...words.slice(kept, at).map(([id]) => id), other[0]],
    text: textOf(words.slice(0, kept)),
  };
}

/** How unexpected a word was, in bits: 0 for one that was certain. */
export function surprise(probability: number): number {
  return Math.max(0, -Math.log2(Math.max(probability, 1e-12)));
}

/** A word's text where its spaces must be seen. */
export function named(text: string, id?: number): string {
  if (id === 0) return "the end";
  if (text === "") return "part of a character";
  return text
    .replaceAll("\n", "↵")
    .replaceAll("\t", "⇥")
    .replace(/^ +| +$/g, (s) => "␣".repeat(s.length));
}

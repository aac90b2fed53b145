import { path, siblings, type Message, type Talk } from "./tree.js";

/** A branch from where it parts from others. */
export interface Branch {
  /** Its place among the versions, from 1. */
  number: number;
  /** Its first message, one of the versions, and what follows it. */
  messages: Message[];
}

/**
 * The branches that part at `message`, oldest first. The one on the screen goes as far as it is
 * shown, the others along their newest messages.
 */
export function branchesAt(talk: Talk, message: Message): Branch[] {
  const shown = path(talk);
  return siblings(talk, message).map((version, index) => {
    const at = shown.indexOf(version);
    const messages = at < 0 ? newest(talk, version) : shown.slice(at);
    return { number: index + 1, messages };
  });
}

function newest(talk: Talk, message: Message): Message[] {
  const all = Object.values(talk.messages);
  const messages = [message];
  for (;;) {
    const next = all.findLast(({ parent }) => parent === messages.at(-1)!.id);
    if (!next) return messages;
    messages.push(next);
  }
}

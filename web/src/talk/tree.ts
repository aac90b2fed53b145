import type { Held } from "./asking.js";
import type { Account, DoneEvent, Turn, Word } from "../worker/protocol.js";

/** How an answer came to be: its figures, as the engine gave them. */
export type AnswerFigures = Omit<DoneEvent, "type" | "text" | "account">;

/**
 * One message of a talk.
 *
 * A message's `status` says what there is to show: `waiting` for an engine that is not ready,
 * `reading` the prompt, `streaming`, `done`, or `failed` with its sentence in `problem`.
 */
export interface Message extends Turn {
  parent: string | null;
  status: "waiting" | "reading" | "streaming" | "done" | "failed";
  figures?: AnswerFigures;
  problem?: string;
  /** The answer word by word, where the engine told it. */
  words?: Word[] | undefined;
  /** The form that it is kept to, if any. */
  held?: Held | undefined;
  /** What went on inside while it was made. */
  membranes?: Account;
}

/** A talk: a tree of messages, of which the path to `leaf` is on the screen. */
export interface Talk {
  id: string;
  /** The user's own name for it; empty: its first words serve. */
  title: string;
  /** Milliseconds since 1970. */
  created: number;
  updated: number;
  leaf: string | null;
  /** Its first words, where its messages have not been read from the store. */
  first?: string;
  messages: Record<string, Message>;
}

/** A new id, unique on this machine. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/** A talk in which nothing has been said. */
export function newTalk(now = Date.now()): Talk {
  return { id: newId(), title: "", created: now, updated: now, leaf: null, messages: {} };
}

/** The messages from the first one to `leaf`, which is the talk's own unless given. */
export function path(talk: Talk, leaf: string | null = talk.leaf): Message[] {
  const messages: Message[] = [];
  for (let id = leaf; id !== null;) {
    const message = talk.messages[id];
    if (!message) break;
    messages.unshift(message);
    id = message.parent;
  }
  return messages;
}

/** The messages that stand at the same place, `message` among them, oldest first. */
export function siblings(talk: Talk, message: Message): Message[] {
  return Object.values(talk.messages).filter(
    (other) => other.parent === message.parent && other.role === message.role,
  );
}

/** Adds a message after `parent` and makes it the end of the path on the screen. */
export function append(
  talk: Talk,
  parent: string | null,
  role: Message["role"],
  text: string,
  status: Message["status"],
): Message {
  const message: Message = { id: newId(), parent, role, text, status };
  talk.messages[message.id] = message;
  talk.leaf = message.id;
  talk.updated = Date.now();
  return message;
}

/** Shows the branch that runs through `id`: its newest message becomes the end of the path. */
export function showBranch(talk: Talk, id: string): void {
  let leaf = id;
  for (;;) {
    const children = Object.values(talk.messages).filter((message) => message.parent === leaf);
    const newest = children.at(-1);
    if (!newest) break;
    leaf = newest.id;
  }
  talk.leaf = leaf;
}

/** What the list calls the talk: its own name, its first words, or that it is new. */
export function talkTitle(talk: Talk): string {
  if (talk.title) return talk.title;
  const first = Object.values(talk.messages).find((message) => message.role === "user");
  const words = (first?.text ?? talk.first ?? "").trim().replace(/\s+/g, " ");
  if (!words) return "New chat";
  return words.length > 48 ? `${words.slice(0, 47).trimEnd()}…` : words;
}

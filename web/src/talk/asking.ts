import type { Message } from "./tree.js";

/** How an answer is asked for: beside how its tokens are chosen. */
export interface Asking {
  /** Candidates that are drawn; 1 is an ordinary answer. */
  branches: number;
  /** How many are drawn when several are wanted. */
  several: number;
  /** What the answer is held to. */
  form: "none" | Form;
  /** What was written for each form. */
  sources: Record<Form, string>;
}

/** A form of an answer, by the name that the engine has for it. */
export type Form = "json_schema" | "grammar";

/** What an answer is held to. */
export interface Held {
  form: Form;
  source: string;
}

export const MOST_BRANCHES = 8;

/** Something to begin with in the box. */
export interface Example {
  name: string;
  form: Form;
  source: string;
}

export const EXAMPLES: readonly Example[] = [
  {
    name: "Yes or no, and how sure",
    form: "json_schema",
    source: `{
  "type": "object",
  "properties": {
    "answer": { "enum": ["yes", "no"] },
    "sure": { "type": "integer", "minimum": 0, "maximum": 10 }
  },
  "required": ["answer", "sure"],
  "additionalProperties": false
}`,
  },
  {
    name: "A list of words",
    form: "json_schema",
    source: `{
  "type": "array",
  "items": { "type": "string", "pattern": "^[a-z]{2,12}$" },
  "minItems": 2,
  "maxItems": 4
}`,
  },
  {
    name: "A date (GBNF)",
    form: "grammar",
    source: `root  ::= day " " month " " year
day   ::= [1-9] | [12] [0-9] | "30"
month ::= "March" | "June" | "October"
year  ::= "20" [0-9] [0-9]`,
  },
];

export const PLAIN: Asking = {
  branches: 1,
  several: 3,
  form: "none",
  sources: { json_schema: EXAMPLES[0]!.source, grammar: EXAMPLES[2]!.source },
};

/** What was kept made whole: what is missing or out of range takes its default. */
export function wholeAsking(kept: unknown): Asking {
  const given = (kept ?? {}) as Partial<Asking>;
  const within = (value: unknown, least: number, other: number) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= MOST_BRANCHES
      ? (value as number)
      : other;
  const text = (value: unknown, other: string) => (typeof value === "string" ? value : other);
  const { form } = given;
  return {
    branches: within(given.branches, 1, PLAIN.branches),
    several: within(given.several, 2, PLAIN.several),
    form: form === "json_schema" || form === "grammar" ? form : "none",
    sources: {
      json_schema: text(given.sources?.json_schema, PLAIN.sources.json_schema),
      grammar: text(given.sources?.grammar, PLAIN.sources.grammar),
    },
  };
}

/** What a new answer is held to. */
export function heldBy({ form, sources }: Asking): Held | undefined {
  return form === "none" ? undefined : { form, source: sources[form] };
}

/** What an answer is held to when it goes on. Older ones have kept only the name of their form. */
export function heldAgain({ held, membranes }: Message, asking: Asking): Held | undefined {
  return held ?? (membranes?.form === asking.form ? heldBy(asking) : undefined);
}

/** A form in words. */
export function formName(form: Form): string {
  return form === "grammar" ? "GBNF grammar" : "JSON schema";
}

/** In two or three words, for the button; empty for an ordinary answer. */
export function shortAsking({ branches, form }: Asking): string {
  const parts = [];
  if (branches > 1) parts.push(`${branches} and vote`);
  if (form !== "none") parts.push(form === "grammar" ? "GBNF" : "JSON");
  return parts.join(", ");
}

/** A JSON answer with its lines broken; anything else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

import type { Frame } from "../viz/frame.js";

/** What `py/deep_tree_echo/laboratory/membranes.py` returns, field for field. */

export interface RuleText {
  name: string;
  text: string;
  label: string;
  probability: number | null;
}

/** A system on the bench. */
export interface Opened {
  title: string;
  line: string;
  model: "transition" | "active";
  engine: "libecho" | "python";
  output: string;
  seed: number;
  /** P-Lingua, `null` if that has no form for its priorities. */
  source: string | null;
  priorities: [string, string][];
  rules: RuleText[];
  frame: Frame;
}

export interface Advanced {
  frames: Frame[];
  halted: boolean;
  /** Why it cannot go on although it has not halted. */
  limit: string | null;
}

export interface Parameter {
  name: string;
  label: string;
  value: string;
  least: number | null;
  most: number | null;
}

export interface Example {
  id: string;
  title: string;
  about: string;
  parameters: Parameter[];
}

/** How many objects a frame holds, copies counted. */
export function objectsIn(frame: Frame): number {
  const regions = [frame.environment, ...frame.membranes.map(({ contents }) => contents)];
  return regions.reduce((sum, held) => sum + Object.values(held).reduce((a, b) => a + b, 0), 0);
}

/** The trace as rows of a table. */
export function traceRows(frames: readonly Frame[]): (string | number)[][] {
  const head = [
    "step",
    "applications",
    "membranes",
    "objects",
    "result",
    "applied",
    "configuration",
  ];
  const rows = frames.map((frame) => [
    frame.step,
    frame.applied.reduce((sum, { times }) => sum + times, 0),
    frame.membranes.length,
    objectsIn(frame),
    frame.result,
    frame.applied
      .map(({ name, times, label, membrane }) => `${name} x${times} in ${label} (${membrane})`)
      .join("; "),
    frame.text,
  ]);
  return [head, ...rows];
}

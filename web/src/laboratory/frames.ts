/** What `py/deep_tree_echo/laboratory/membranes.py` returns, field for field. */

export type Charge = "+" | "0" | "-";

export interface MembraneState {
  id: number;
  /** The membrane around it; 0 is the environment. */
  parent: number;
  label: string;
  charge: Charge;
  contents: Record<string, number>;
}

/** A rule applied in a step: its index, and where. */
export interface Applied {
  rule: number;
  name: string;
  membrane: number;
  label: string;
  times: number;
}

/** From which membrane into which, and what. */
export type Flow = [from: number, to: number, objects: Record<string, number>];

/** The system after a step; the first frame is the start. */
export interface Frame {
  step: number;
  environment: Record<string, number>;
  /** A membrane comes after the one around it. */
  membranes: MembraneState[];
  applied: Applied[];
  flows: Flow[];
  text: string;
  /** What the output region holds. */
  result: string;
}

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

/** `membrane 2`; with its number where there are several of the label. */
export function membraneName(id: number, frame: Frame): string {
  if (id === 0) return "the environment";
  const membrane = frame.membranes.find((other) => other.id === id);
  if (!membrane) return `membrane no. ${id}`;
  const alike = frame.membranes.filter(({ label }) => label === membrane.label).length;
  return `membrane ${membrane.label}` + (alike > 1 ? ` (no. ${id})` : "");
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

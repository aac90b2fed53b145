/** Membranes and what is in them after a step; `py/deep_tree_echo/laboratory/membranes.py`. */

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

/** `membrane 2`; with its number where there are several of the label. */
export function membraneName(id: number, frame: Frame): string {
  if (id === 0) return "the environment";
  const membrane = frame.membranes.find((other) => other.id === id);
  if (!membrane) return `membrane no. ${id}`;
  const alike = frame.membranes.filter(({ label }) => label === membrane.label).length;
  return `membrane ${membrane.label}` + (alike > 1 ? ` (no. ${id})` : "");
}

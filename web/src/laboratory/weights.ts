/** What `py/deep_tree_echo/laboratory/trees.py` returns, field for field. */

export interface Tree {
  text: string;
  order: number;
  density: number;
  symmetry: number;
  alpha: number;
  differential: string;
  condition: string;
  x: number[];
  y: number[];
  edges: [number, number][];
}

export interface Method {
  name: string;
  stages: number;
  explicit: boolean;
  a: string[][];
  b: string[];
  c: string[];
}

export interface Problem {
  id: string;
  title: string;
  equation: string;
}

export interface All {
  /** Trees of each order, from 1 on. */
  counts: number[];
  trees: Tree[];
  methods: Method[];
  problems: Problem[];
}

/** A method by its name, or by what was typed. */
export type MethodChoice = { name: string } | { a: string[][]; b: string[] };

/** One tree's coefficient against the exact solution's. */
export interface Weight {
  weight: string;
  value: number;
  wanted: string;
  difference: string;
  holds: boolean;
}

export interface Weighed {
  method: Method;
  order: number;
  /** For each order, how many of its conditions hold. */
  holds: { holds: number; of: number }[];
  /** As the trees. */
  rows: Weight[];
}

export interface Measured {
  h: number;
  error: number;
  /** Smaller than what rounding leaves. */
  rounding: boolean;
}

export interface Slope {
  slope: number | null;
  line: [number, number][] | null;
  fitted: number | null;
}

/** All trees with a method's coefficients, as rows of a table. */
export function weightRows(trees: readonly Tree[], weighed: Weighed): (string | number)[][] {
  const head = [
    ...["tree", "order", "sigma", "gamma", "alpha", "elementary differential"],
    ...["order condition", `coefficient of ${weighed.method.name}`, "coefficient of the solution"],
    ...["difference", "holds"],
  ];
  const rows = trees.map((tree, i) => {
    const { weight, wanted, difference, holds } = weighed.rows[i]!;
    return [
      ...[tree.text, tree.order, tree.symmetry, tree.density, tree.alpha, tree.differential],
      ...[tree.condition, weight, wanted, difference, holds ? "yes" : "no"],
    ];
  });
  return [head, ...rows];
}

/** A number as it is written in text: with a minus sign, not a hyphen. */
export function signed(number: string): string {
  return number.replaceAll("-", "−");
}

/** An order with its ending: `1st`, `4th`. */
export function ordinal(n: number): string {
  return n + (n === 1 ? "st" : n === 2 ? "nd" : n === 3 ? "rd" : "th");
}

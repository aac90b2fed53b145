import type { Drawn, TreeNode } from "../worker/protocol.js";

/** A run of tokens that the same candidates share, drawn as one box. */
export interface Run {
  /** The run before it, -1 for a beginning. */
  parent: number;
  nodes: TreeNode[];
  /** The candidates that pass here. */
  candidates: number[];
  /** Place in rows and columns; a column is one run after another. */
  row: number;
  column: number;
}

/**
 * The tree as runs of tokens between its forks, laid out with a row for each candidate. A parent
 * stands before its children, in the middle of their rows.
 */
export function runsOf({ nodes, candidates }: Drawn): Run[] {
  const passing: number[][] = nodes.map(() => []);
  candidates.forEach(({ leaf }, number) => {
    for (let at = leaf; at >= 0; at = nodes[at]![0]) passing[at]!.push(number);
  });
  const children = nodes.map(() => 0);
  for (const [parent] of nodes) if (parent >= 0) children[parent]!++;
  const runs: Run[] = [];
  const runOf: number[] = [];
  nodes.forEach((node, place) => {
    const parent = node[0];
    // One that ends in the middle of another is a fork, too.
    const same = parent >= 0 && children[parent] === 1;
    if (same && passing[parent]!.length === passing[place]!.length) {
      runOf[place] = runOf[parent]!;
      runs[runOf[place]!]!.nodes.push(node);
      return;
    }
    const before = parent < 0 ? -1 : runOf[parent]!;
    runOf[place] = runs.length;
    const column = before < 0 ? 0 : runs[before]!.column + 1;
    runs.push({ parent: before, nodes: [node], candidates: passing[place]!, row: 0, column });
  });
  // Candidates in the order of the tree, so that no two lines cross.
  const order: number[] = [];
  const visit = (run: number) => {
    const next = runs.flatMap((other, at) => (other.parent === run ? [at] : []));
    const inside = new Set(next.flatMap((at) => runs[at]!.candidates));
    const own = run < 0 ? candidates.map((_, number) => number) : runs[run]!.candidates;
    for (const number of own) if (!inside.has(number)) order.push(number);
    next.forEach(visit);
  };
  visit(-1);
  const rowOf = new Map(order.map((number, row) => [number, row]));
  for (const run of runs) {
    const rows = run.candidates.map((number) => rowOf.get(number)!);
    run.row = (Math.min(...rows) + Math.max(...rows)) / 2;
  }
  return runs;
}

/** In which group of the vote a candidate is, and what the group weighs. */
export function voteOf({ votes }: Drawn, number: number): { group: number; share: number } | null {
  const group = votes.findIndex(({ members }) => members.includes(number));
  return group < 0 ? null : { group: group + 1, share: votes[group]!.share };
}

/** The candidate that the vote has chosen, whichever is shown. */
export function elected({ votes, chosen }: Drawn): number {
  return votes[0]?.members[0] ?? chosen;
}

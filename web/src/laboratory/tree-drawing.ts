import { svg, type TemplateResult } from "lit";

import type { Tree } from "./weights.js";

/** How far vertices are apart, and how large they are. */
export interface TreeScale {
  step: number;
  rise: number;
  radius: number;
}

export const SMALL: TreeScale = { step: 13, rise: 15, radius: 3.6 };
export const MEDIUM: TreeScale = { step: 19, rise: 22, radius: 4.8 };
export const LARGE: TreeScale = { step: 34, rise: 38, radius: 7 };

/** The room that a tree takes. */
export function treeSize({ x, y }: Tree, { step, rise, radius }: TreeScale) {
  return {
    width: Math.max(...x) * step + 2 * radius + 2,
    height: Math.max(...y) * rise + 2 * radius + 2,
  };
}

/** A tree with its root at the bottom, as Butcher draws it, within {@link treeSize}. */
export function drawTree(tree: Tree, scale: TreeScale): TemplateResult {
  const { step, rise, radius } = scale;
  const { height } = treeSize(tree, scale);
  const edge = radius + 1;
  const px = (i: number) => (tree.x[i]! * step + edge).toFixed(1);
  const py = (i: number) => (height - edge - tree.y[i]! * rise).toFixed(1);
  return svg`
    ${tree.edges.map(
      ([a, b]) => svg`<line class="edge" x1=${px(a)} y1=${py(a)} x2=${px(b)} y2=${py(b)} />`,
    )}
    ${tree.x.map(
      (_, i) =>
        svg`<circle class=${i === 0 ? "vertex root" : "vertex"} cx=${px(i)} cy=${py(i)} r=${i === 0 ? radius + 0.8 : radius} />`,
    )}`;
}

/** A tree in a table of trees. */
export interface Placed {
  tree: Tree;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Trees in rows of equal cells, with room for a line of text below each. */
export function tabled(trees: readonly Tree[], width: number) {
  const sizes = trees.map((tree) => treeSize(tree, SMALL));
  const cell = {
    width: Math.max(64, ...sizes.map((size) => size.width + 24)),
    height: Math.max(...sizes.map((size) => size.height)) + 46,
  };
  const columns = Math.max(1, Math.min(trees.length, Math.floor(width / cell.width)));
  const placed = trees.map((tree, i) => ({
    tree,
    x: (i % columns) * cell.width,
    y: Math.floor(i / columns) * cell.height,
    ...cell,
  }));
  return {
    width: columns * cell.width,
    height: Math.ceil(trees.length / columns) * cell.height,
    placed,
  };
}

import { counted } from "./names.js";
import type { Charge, Frame } from "./frame.js";

/** An object with its count, as a small label. */
export interface Chip {
  name: string;
  count: number;
  x: number;
  y: number;
  width: number;
}

/** A region: a membrane as a box, or the environment with the whole drawing. */
export interface Box {
  id: number;
  parent: number;
  label: string;
  charge: Charge;
  /** 0 for the environment, 1 for the skin. */
  depth: number;
  x: number;
  y: number;
  width: number;
  height: number;
  chips: Chip[];
}

/** Where everything is, in pixels at full size; boxes come after those around them. */
export interface Drawing {
  width: number;
  height: number;
  boxes: Box[];
}

/** Width of a text in pixels. */
export type Measure = (text: string) => number;

export const CHIP_HEIGHT = 22;
/** Height of the line with a box's label. */
export const HEAD = 20;
const CHIP_PADDING = 8;
const CHIP_GAP = 5;
const PADDING = 10;
const GAP = 10;
const LEAST_WIDTH = 46;
/** An inner box is about so much wider than it is high. */
const INNER_ASPECT = 1.35;
/** Widths that are tried for a box with many parts; more would hardly change it. */
const MOST_TRIED = 48;

interface Item {
  width: number;
  height: number;
}

/** Places items in rows no wider than `width`; what it needs, and each item's place. */
export function shelve(
  items: readonly Item[],
  width: number,
  gap: number,
): Item & { at: { x: number; y: number }[] } {
  const at: { x: number; y: number }[] = [];
  let x = 0;
  let y = 0;
  let row = 0;
  let widest = 0;
  for (const item of items) {
    if (x > 0 && x + item.width > width + 1e-6) {
      y += row + gap;
      x = row = 0;
    }
    at.push({ x, y });
    x += item.width + gap;
    widest = Math.max(widest, x - gap);
    row = Math.max(row, item.height);
  }
  return { width: widest, height: y + row, at };
}

interface Region extends Item {
  id: number;
  chips: Chip[];
  inner: { region: Region; x: number; y: number }[];
}

/**
 * Packs nested membranes into boxes: objects in rows at the top, membranes in rows below, each box
 * as wide as makes it smallest in the wanted proportion.
 *
 * @param aspect - Width over height that the whole drawing should come near to.
 * @param least - The environment is at least as large, with the skin in its middle.
 */
export function layout(
  frame: Frame,
  measure: Measure,
  aspect: number,
  least: Item = { width: 130, height: 0 },
): Drawing {
  const children = new Map<number, number[]>();
  for (const { id, parent } of frame.membranes) {
    const siblings = children.get(parent);
    if (siblings) siblings.push(id);
    else children.set(parent, [id]);
  }
  const regions = new Map<number, Region>();
  // Those inside come later in the list, so backwards every box finds its parts done.
  for (const { id, contents, label } of [...frame.membranes].reverse()) {
    const inner = (children.get(id) ?? []).map((child) => regions.get(child)!);
    const narrow = Math.max(LEAST_WIDTH, measure(label) + 2 * PADDING + 22);
    const wanted = frame.membranes[0]!.id === id ? aspect : INNER_ASPECT;
    regions.set(id, pack(id, contents, inner, measure, wanted, narrow));
  }
  const skin = frame.membranes[0] ? [regions.get(frame.membranes[0].id)!] : [];
  const world = pack(0, frame.environment, skin, measure, aspect, least.width);
  const spare = Math.max(0, least.height - world.height);
  world.height += spare;
  for (const part of world.inner) part.y += spare / 2;
  const facts = new Map(frame.membranes.map((membrane) => [membrane.id, membrane]));
  const boxes: Box[] = [];
  const place = (region: Region, x: number, y: number, depth: number) => {
    const membrane = facts.get(region.id);
    boxes.push({
      id: region.id,
      parent: membrane?.parent ?? 0,
      label: membrane?.label ?? "environment",
      charge: membrane?.charge ?? "0",
      depth,
      x,
      y,
      width: region.width,
      height: region.height,
      chips: region.chips.map((chip) => ({ ...chip, x: x + chip.x, y: y + chip.y })),
    });
    for (const part of region.inner) place(part.region, x + part.x, y + part.y, depth + 1);
  };
  place(world, 0, 0, 0);
  return { width: world.width, height: world.height, boxes };
}

function pack(
  id: number,
  contents: Record<string, number>,
  inner: Region[],
  measure: Measure,
  aspect: number,
  least: number,
): Region {
  const chips = Object.entries(contents).map(([name, count]) => ({
    name,
    count,
    width: Math.ceil(measure(counted(name, count))) + 2 * CHIP_PADDING,
    height: CHIP_HEIGHT,
  }));
  const parts = [...chips, ...inner];
  const widest = Math.max(least - 2 * PADDING, ...parts.map(({ width }) => width));
  let best: { width: number; height: number } | null = null;
  let score = Infinity;
  for (const width of widths(chips, inner, widest)) {
    const upper = shelve(chips, width, CHIP_GAP);
    const lower = shelve(inner, width, GAP);
    const wide = Math.max(widest, upper.width, lower.width);
    const between = chips.length && inner.length ? GAP : 0;
    const high = upper.height + lower.height + between;
    const found = Math.max(wide / aspect, high + HEAD) + 1e-3 * (wide + high);
    if (found < score) {
      score = found;
      best = { width: wide, height: high };
    }
  }
  const { width, height } = best!;
  const upper = shelve(chips, width, CHIP_GAP);
  const lower = shelve(inner, width, GAP);
  const below = HEAD + PADDING / 2 + upper.height + (chips.length && inner.length ? GAP : 0);
  return {
    id,
    width: width + 2 * PADDING,
    height: Math.max(HEAD + 2 * PADDING, HEAD + 1.5 * PADDING + height),
    chips: chips.map(({ name, count, width }, i) => ({
      name,
      count,
      width,
      x: PADDING + upper.at[i]!.x,
      y: HEAD + PADDING / 2 + upper.at[i]!.y,
    })),
    inner: inner.map((region, i) => ({
      region,
      x: PADDING + lower.at[i]!.x + (inner.length === 1 ? (width - region.width) / 2 : 0),
      y: below + lower.at[i]!.y,
    })),
  };
}

/** Widths worth trying: those at which one more part fits into the first row. */
function widths(chips: Item[], inner: Item[], least: number): number[] {
  const found = new Set([least]);
  for (const [items, gap] of [
    [chips, CHIP_GAP],
    [inner, GAP],
  ] as const) {
    let sum = -gap;
    const step = Math.max(1, Math.floor(items.length / MOST_TRIED));
    items.forEach(({ width }, i) => {
      sum += width + gap;
      if (sum > least && (i % step === 0 || i === items.length - 1)) found.add(sum);
    });
  }
  return [...found];
}

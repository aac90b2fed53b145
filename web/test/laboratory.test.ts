import { describe, expect, it } from "vitest";

import { traceRows } from "../src/laboratory/frames.js";
import { csv, fileName } from "../src/file.js";
import { Playback } from "../src/laboratory/playback.js";
import { withTexts } from "../src/laboratory/png.js";
import { offsetOf, placeOf } from "../src/laboratory/place.js";
import { tabled, treeSize, SMALL } from "../src/laboratory/tree-drawing.js";
import type { Tree } from "../src/laboratory/weights.js";
import { membraneName, type Frame, type MembraneState } from "../src/viz/frame.js";
import { layout, shelve, type Box } from "../src/viz/membrane-layout.js";
import { counted, multiset, objectName } from "../src/viz/names.js";
import { axis, powerOfTen } from "../src/viz/ticks.js";

const measure = (text: string) => 7 * text.length;

function membrane(id: number, parent: number, contents = {}, label = String(id)): MembraneState {
  return { id, parent, label, charge: "0", contents };
}

function frame(membranes: MembraneState[], environment = {}, step = 0): Frame {
  const rest = { applied: [], flows: [], text: `step ${step}`, result: "#" };
  return { step, environment, membranes, ...rest };
}

const inside = (inner: Box, outer: Box) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width + 1e-6 &&
  inner.y + inner.height <= outer.y + outer.height + 1e-6;

const apart = (a: Box, b: Box) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

/** Systems of many shapes, the same every time. */
function* systems(): Generator<Frame> {
  let state = 1;
  const random = (n: number) => (state = (state * 48271) % 2147483647) % n;
  for (const size of [1, 2, 3, 5, 17, 64, 200]) {
    const membranes = [membrane(1, 0)];
    for (let id = 2; id <= size; id++) {
      const contents = Object.fromEntries(
        Array.from({ length: random(7) }, () => [`o{${random(30)}}`, 1 + random(900)]),
      );
      membranes.push(membrane(id, 1 + random(id - 1), contents));
    }
    yield frame(membranes, { yes: 1 });
  }
}

describe("membranes are packed", () => {
  it("into boxes that hold their parts and keep siblings apart", () => {
    for (const system of systems()) {
      for (const aspect of [0.7, 1.7]) {
        const { boxes, width, height } = layout(system, measure, aspect);
        expect(boxes).toHaveLength(system.membranes.length + 1);
        expect(boxes[0]).toMatchObject({ id: 0, x: 0, y: 0, width, height });
        const byId = new Map(boxes.map((box) => [box.id, box]));
        for (const box of boxes.slice(1)) expect(inside(box, byId.get(box.parent)!)).toBe(true);
        for (const [i, a] of boxes.entries()) {
          for (const b of boxes.slice(i + 1)) {
            if (a.id && a.parent === b.parent) expect(apart(a, b)).toBe(true);
          }
          for (const chip of a.chips) {
            const box = { ...a, ...chip, height: 22 };
            expect(inside(box, a)).toBe(true);
            for (const b of boxes) if (b.parent === a.id && b.id) expect(apart(box, b)).toBe(true);
          }
        }
      }
    }
  });

  it("near the wanted proportion", () => {
    const many = frame([
      membrane(1, 0),
      ...Array.from({ length: 64 }, (_, i) => membrane(i + 2, 1, { a: i + 1 })),
    ]);
    for (const aspect of [0.8, 1.6]) {
      const { width, height } = layout(many, measure, aspect);
      expect(width / height).toBeGreaterThan(aspect * 0.75);
      expect(width / height).toBeLessThan(aspect * 1.33);
    }
  });

  it("in rows", () => {
    const items = [40, 30, 50, 20].map((width) => ({ width, height: 10 }));
    expect(shelve(items, 80, 5)).toEqual({
      width: 75,
      height: 25,
      at: [
        { x: 0, y: 0 },
        { x: 45, y: 0 },
        { x: 0, y: 15 },
        { x: 55, y: 15 },
      ],
    });
    expect(shelve([], 80, 5)).toEqual({ width: 0, height: 0, at: [] });
  });
});

describe("objects", () => {
  it("have indices and counts", () => {
    expect(objectName("x{1,2}")).toEqual({ stem: "x", index: "1,2" });
    expect(counted("x{10}", 1200)).toBe("x₁₀ ×1,200");
    expect(counted("yes", 1)).toBe("yes");
    expect(multiset({ a: 2, b: 1 })).toBe("a ×2, b");
    expect(multiset({})).toBe("nothing");
  });

  it("lie in membranes with names", () => {
    const system = frame([membrane(1, 0), membrane(2, 1), membrane(5, 1, {}, "2")]);
    expect([0, 1, 2, 5, 9].map((id) => membraneName(id, system))).toEqual([
      "the environment",
      "membrane 1",
      "membrane 2 (no. 2)",
      "membrane 2 (no. 5)",
      "membrane no. 9",
    ]);
  });
});

describe("playback", () => {
  const start = frame([membrane(1, 0)]);
  const make = (last: number) => {
    let made = 0;
    const asked: number[] = [];
    const play = new Playback(
      async (most) => {
        asked.push(most);
        const frames = [];
        while (frames.length < most && made < last)
          frames.push(frame([membrane(1, 0)], {}, ++made));
        return { frames, halted: made === last, limit: null };
      },
      () => undefined,
    );
    play.open(start);
    return { play, asked };
  };

  it("makes steps only where none were made before", async () => {
    const { play, asked } = make(3);
    expect([await play.step(), await play.step()]).toEqual([true, true]);
    play.show(0);
    await play.step();
    expect([play.at, play.frames.length, asked.length]).toEqual([1, 3, 2]);
    expect(play.forward).toBe(true);
  });

  it("ends where the system halts", async () => {
    const { play } = make(90);
    await play.toEnd();
    expect([play.at, play.halted, play.ended, play.running]).toEqual([90, true, true, false]);
    expect(await play.step()).toBe(false);
    play.show(5);
    expect([play.at, play.ended, play.forward]).toEqual([5, false, false]);
  });

  it("drops steps of a system that is no longer there", async () => {
    let answer: (() => void) | undefined;
    const play = new Playback(
      () =>
        new Promise((resolve) => {
          answer = () => resolve({ frames: [start], halted: true, limit: null });
        }),
      () => undefined,
    );
    play.open(start);
    const step = play.step();
    play.open(start);
    answer!();
    expect(await step).toBe(false);
    expect([play.frames.length, play.halted]).toEqual([1, false]);
  });

  it("goes on after an answer that never came", async () => {
    let dead = true;
    const play = new Playback(
      () =>
        dead
          ? new Promise(() => undefined)
          : Promise.resolve({ frames: [start], halted: true, limit: null }),
      () => undefined,
    );
    play.open(start);
    void play.step();
    dead = false;
    play.open(start);
    expect(await play.step()).toBe(true);
  });
});

describe("files", () => {
  it("are CSV with quotes where they must be", () => {
    expect(
      csv([
        ["a", 1],
        ['say "b", c', ""],
      ]),
    ).toBe('a,1\r\n"say ""b"", c",\r\n');
    expect(fileName("Square numbers: 4²?")).toBe("square-numbers-42");
    expect(traceRows([frame([membrane(1, 0, { a: 3 })], { b: 2 })])[1]).toEqual([
      ...[0, 0, 1, 5, "#", "", "step 0"],
    ]);
  });

  it("are PNG with texts after their header", () => {
    const png = new Uint8Array(8 + 25 + 12).fill(7);
    const made = withTexts(png, { Title: "é" });
    expect(made.subarray(0, 33)).toEqual(png.subarray(0, 33));
    expect(made.subarray(-12)).toEqual(png.subarray(33));
    const chunk = made.subarray(33, -12);
    expect(new DataView(chunk.buffer, chunk.byteOffset).getUint32(0)).toBe(chunk.length - 12);
    expect(new TextDecoder().decode(chunk.subarray(4, -4))).toBe("iTXtTitle\0\0\0\0\0é");
  });

  it("name the place of an error", () => {
    const text = "@model<transition>\ndef main() { [a -> b]'1; }";
    expect(placeOf("P-Lingua, line 2, column 19: '>' is unexpected.")).toEqual({
      line: 2,
      column: 19,
    });
    expect(placeOf("no JSON: Expecting value: line 3 column 5 (char 40).")).toEqual({
      line: 3,
      column: 5,
    });
    expect(placeOf("The seed is 'x'.")).toBeNull();
    expect(text[offsetOf(text, { line: 2, column: 18 })]).toBe(">");
    expect(offsetOf(text, { line: 9, column: 1 })).toBe(text.length);
  });
});

describe("trees", () => {
  const tree = {
    x: [0.5, 0, 1],
    y: [0, 1, 1],
    edges: [
      [0, 1],
      [0, 2],
    ],
  } as unknown as Tree;

  it("have room in a table", () => {
    const { width, height } = treeSize(tree, SMALL);
    expect(width).toBeGreaterThan(SMALL.step);
    const sheet = tabled([tree, tree, tree], 150);
    expect(sheet.placed.map(({ x, y }) => [x > 0, y > 0])).toEqual([
      [false, false],
      [true, false],
      [false, true],
    ]);
    for (const cell of sheet.placed) {
      expect(cell.x + cell.width).toBeLessThanOrEqual(sheet.width);
      expect(cell.y + cell.height).toBeLessThanOrEqual(sheet.height);
      expect(cell.height).toBeGreaterThan(height);
    }
  });
});

describe("axes", () => {
  it("have round numbers around all values", () => {
    const linear = axis([0.3, 9.2], "linear");
    expect(linear.ticks.map(({ label }) => label)).toEqual(["0", "2", "4", "6", "8", "10"]);
    expect([linear.at(0), linear.at(10)]).toEqual([0, 1]);
    expect(axis([-1.3, 0.2], "linear").ticks[0]!.label).toBe("−1.5");
    expect(axis([], "linear").ticks.length).toBeGreaterThan(1);
    expect(axis([5, 5, NaN], "linear").at(5)).toBeCloseTo(0.5);
  });

  it("count in powers where they are logarithmic", () => {
    const log = axis([0.001, 1, 0, -1], "log");
    expect(log.ticks.map(({ label }) => label)).toEqual(["10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
    expect(log.at(Math.sqrt(0.001))).toBeCloseTo(0.5);
    for (const value of [0.001, 1]) {
      expect(log.at(value)).toBeGreaterThan(0);
      expect(log.at(value)).toBeLessThan(1);
    }
    for (const close of [[0.3], [0.3, 0.4], [0.02, 0.11], [7, 8.5]]) {
      const { ticks, at } = axis(close, "log");
      expect(ticks.length).toBeGreaterThan(1);
      for (const value of [...close, ...ticks.map((tick) => tick.value)]) {
        expect(at(value)).toBeGreaterThanOrEqual(0);
        expect(at(value)).toBeLessThanOrEqual(1);
      }
    }
    expect(powerOfTen(-12)).toBe("10⁻¹²");
    expect(axis([1e-14, 0.1], "log").ticks.length).toBeLessThan(8);
  });
});

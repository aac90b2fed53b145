import { describe, expect, it } from "vitest";

import { count, megabytes, seconds, threeDigits } from "../src/ui/format.js";
import { CIVIDIS, colour } from "../src/viz/colours.js";

describe("numbers", () => {
  it("are as long as they need to be", () => {
    expect(megabytes(9_596_386)).toBe("9.6");
    expect(megabytes(600e6)).toBe("600");
    expect([0, 0.83, 27.44, 812.3, 0.0012].map(threeDigits)).toEqual([
      "0",
      "0.83",
      "27.4",
      "812",
      "1.2e-3",
    ]);
    expect(threeDigits(Number.NaN)).toBe("–");
    expect(seconds(0.0384)).toBe("38 ms");
    expect(seconds(2.43)).toBe("2.4 s");
    expect(count(1, "token")).toBe("1 token");
    expect(count(1200, "token")).toBe("1,200 tokens");
  });
});

describe("cividis", () => {
  it("grows brighter at every step", () => {
    const light = (word: number) =>
      0.2126 * (word & 255) + 0.7152 * ((word >>> 8) & 255) + 0.0722 * ((word >>> 16) & 255);
    // Eight bits a channel round: a step may fall back by one unit, but never over eight steps.
    for (let i = 8; i < 256; i++)
      expect(light(CIVIDIS[i]!)).toBeGreaterThan(light(CIVIDIS[i - 8]!));
  });

  it("gives a value outside the nearer end", () => {
    expect(colour(-5, 0, 1)).toBe(CIVIDIS[0]);
    expect(colour(5, 0, 1)).toBe(CIVIDIS[255]);
    expect(colour(0, -1, 1)).toBe(CIVIDIS[128]);
  });
});

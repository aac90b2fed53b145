import { describe, expect, it } from "vitest";

import { partOf, sha256 } from "../src/worker/assets.js";
import {
  bytesOfFile,
  Cancelled,
  checkedUrl,
  nameOf,
  piecesOf,
  watched,
} from "../src/worker/models.js";

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of pieces) bytes += piece.byteLength;
  return bytes;
}

describe("an address", () => {
  it("must be one", () => {
    expect(() => checkedUrl("mine.bin")).toThrow(/"mine.bin" is not an address/);
    expect(() => checkedUrl("ftp://example.org/a")).toThrow(/begins with ftp:/);
    expect(nameOf(checkedUrl(" https://example.org/a/my%20model.bin?x=1 "))).toBe("my model.bin");
    expect(nameOf(checkedUrl("https://example.org/"))).toBe("example.org");
    expect(nameOf(checkedUrl("https://example.org/100%25%.bin"))).toBe("100%25%.bin");
  });
});

describe("a download", () => {
  const signal = new AbortController().signal;

  it("that ends early is one sentence", async () => {
    const response = new Response(new Uint8Array(10), { headers: { "content-length": "25" } });
    await expect(drain(piecesOf(response, "a.bin", signal))).rejects.toThrow(
      "The connection broke after 10 of 25 bytes of a.bin; try again.",
    );
  });

  it("that is whole gives every byte", async () => {
    const response = new Response(new Uint8Array(25), { headers: { "content-length": "25" } });
    expect(await drain(piecesOf(response, "a.bin", signal))).toBe(25);
  });
});

describe("a file", () => {
  it("can be read as often as backends are tried", async () => {
    const model = bytesOfFile(new File([new Uint8Array(3_000_000)], "a.bin"));
    expect(model.size).toBe(3_000_000);
    expect(await drain(model.chunks())).toBe(3_000_000);
    expect(await drain(model.chunks())).toBe(3_000_000);
  });

  it("gives every byte in order", async () => {
    const bytes = new Uint8Array(9_000_000).map((_, index) => index % 251);
    const model = bytesOfFile(new File([bytes], "a.bin"));
    let at = 0;
    for await (const piece of model.chunks()) {
      const from = at;
      expect(piece.every((byte, index) => byte === (from + index) % 251)).toBe(true);
      at += piece.byteLength;
    }
    expect(at).toBe(bytes.byteLength);
  });

  it("tells as much of its beginning as its format needs", async () => {
    const beginning = async (bytes: Uint8Array<ArrayBuffer>) =>
      (await bytesOfFile(new File([bytes], "a.bin")).beginning()).byteLength;
    const bytes = new Uint8Array(9_000_000);
    expect(await beginning(bytes)).toBe(1 << 16);
    bytes.set(new TextEncoder().encode("GGUF"));
    expect(await beginning(bytes)).toBe(1 << 22);
    expect(await beginning(bytes.slice(0, 3))).toBe(3);
  });

  it("gives the bytes at any places", async () => {
    const bytes = new Uint8Array(1000).map((_, index) => index % 251);
    const model = bytesOfFile(new File([bytes], "a.bin"));
    const parts = await model.parts([
      [990, 3],
      [0, 2],
      [998, 9],
    ]);
    expect([...parts]).toEqual([237, 238, 239, 0, 1, 245, 246]);
    expect((await model.parts([])).byteLength).toBe(0);
  });

  it("tells how far it is, and stops when cancelled", async () => {
    const model = bytesOfFile(new File([new Uint8Array(30_000_000)], "a.bin"));
    const control = new AbortController();
    const steps: number[] = [];
    const pieces = watched(model, control.signal, ({ done }) => {
      steps.push(done);
      if (done > 8_000_000) control.abort();
    });
    await expect(drain(pieces)).rejects.toBeInstanceOf(Cancelled);
    expect(steps.at(-2)).toBeLessThan(8_000_000);
    expect(steps.at(-1)).toBeLessThan(16_000_000);
  });
});

describe("the site's files", () => {
  it("belong to parts of the opening", () => {
    expect(partOf("pyodide/pyodide.asm.wasm")).toBe("Python");
    expect(partOf("wheels/libecho.so")).toBe("engine");
    expect(partOf("python/numpy/_core/_multiarray_umath.wasm")).toBe("NumPy");
    expect(partOf("python/snapshot.bin")).toBe("Python");
    expect(partOf("models/echo-1m-FP16.bin")).toBe("model");
    expect(partOf("index.html")).toBeNull();
  });

  it("are known by their SHA-256", async () => {
    expect(await sha256(new TextEncoder().encode("abc"))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

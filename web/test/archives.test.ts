import { describe, expect, it } from "vitest";

import { inflated } from "../src/worker/inflate.js";
import { assetOf, libraryOf } from "../src/worker/layout.mjs";
import { filesOf } from "../src/worker/tar.js";

const bytes = (text: string) => new TextEncoder().encode(text);

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** A body that comes in pieces of this size. */
function body(data: Uint8Array, piece: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= data.length) return controller.close();
      controller.enqueue(data.slice(at, (at += piece)));
    },
  });
}

async function read(data: Uint8Array, piece: number): Promise<string> {
  let text = "";
  for await (const part of inflated(body(data, piece))) text += new TextDecoder().decode(part);
  return text;
}

/** One entry of a ustar archive. */
function entry(name: string, folder: string, type: string, data: string): Uint8Array {
  const block = new Uint8Array(512 + Math.ceil(data.length / 512) * 512);
  block.set(bytes(name), 0);
  block.set(bytes(data.length.toString(8).padStart(11, "0")), 124);
  block.set(bytes(type), 156);
  block.set(bytes(folder), 345);
  block.set(bytes(data), 512);
  return block;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

describe("a body", () => {
  const text = "the recurrent state is the product; ".repeat(2000);

  it.each([7, 1000, 1e6])("is inflated where it is compressed, in pieces of %i", async (piece) => {
    expect(await read(await gzip(text), piece)).toBe(text);
  });

  it("passes where a host has inflated it", async () => {
    expect(await read(bytes(text), 1000)).toBe(text);
    expect(await read(bytes(""), 1000)).toBe("");
  });

  it("that is cut or damaged throws", async () => {
    const packed = await gzip(text);
    await expect(read(packed.subarray(0, packed.length - 20), 100)).rejects.toThrow();
    const damaged = packed.slice();
    damaged[packed.length - 6]! ^= 1;
    await expect(read(damaged, 100)).rejects.toThrow();
  });

  it("that breaks off throws", async () => {
    const packed = await gzip(text);
    const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(packed.slice(0, 100)),
      pull: (controller) => controller.error(new TypeError("network error")),
    });
    const all = async () => {
      for await (const _ of inflated(broken)) void _;
    };
    await expect(all()).rejects.toThrow();
  });
});

describe("an archive", () => {
  const end = new Uint8Array(1024);

  it("gives its files and nothing else", () => {
    const archive = joined(
      entry("a.py", "", "0", "x = 1"),
      entry("folder/", "", "5", ""),
      entry("b.py", "a/long/folder", "0", "y".repeat(513)),
      entry("empty.py", "", "0", ""),
      end,
    );
    const found = [...filesOf(archive)].map(([name, data]) => [name, data.length]);
    expect(found).toEqual([
      ["a.py", 5],
      ["a/long/folder/b.py", 513],
      ["empty.py", 0],
    ]);
  });

  it("that ends within a file says which", () => {
    const archive = entry("b.py", "a", "0", "y".repeat(600)).subarray(0, 1000);
    expect(() => [...filesOf(archive)]).toThrow("The archive ends within b.py.");
  });
});

it("a library's name is found from its file and back", () => {
  const name = "numpy/_core/_multiarray_umath.cpython-314-wasm32-emscripten.so";
  expect(assetOf(name)).toBe("python/numpy/_core/_multiarray_umath.wasm");
  expect(libraryOf(assetOf(name))).toBe(name);
});

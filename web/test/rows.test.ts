import { describe, expect, it, vi } from "vitest";

import { rowsByCopy, rowsOfHandle } from "../src/worker/rows.js";

/** A private file whose bytes are their own places. */
function handleOf(length: number) {
  const data = Uint8Array.from({ length }, (_, at) => at);
  const close = vi.fn();
  const read = (buffer: Uint8Array, { at }: { at: number }) => {
    const found = data.subarray(at, at + buffer.length);
    buffer.set(found);
    return found.length;
  };
  const createSyncAccessHandle = vi.fn(() => Promise.resolve({ read, close }));
  return { createSyncAccessHandle, close };
}

const open = async (file: object) => (await rowsOfHandle(file as FileSystemFileHandle))!;

describe("rows of an embedding", () => {
  it("come in the order asked for, without changing the file", async () => {
    const file = handleOf(100);
    const rows = await open(file);
    expect([...rows.read([40, 7, 40], 2)]).toEqual([40, 41, 7, 8, 40, 41]);
    expect([...rows.read([98], 2)]).toEqual([98, 99]);
    expect(file.createSyncAccessHandle).toHaveBeenCalledWith({ mode: "read-only" });
  });

  it("beyond the file's end, or after it was closed, are an error", async () => {
    const file = handleOf(100);
    const rows = await open(file);
    expect(() => rows.read([99], 2)).toThrow("has become shorter");
    rows.close();
    rows.close();
    expect(file.close).toHaveBeenCalledOnce();
    expect(() => rows.read([0], 2)).toThrow("has been closed");
  });

  it("are not to be had where somebody else has the file", async () => {
    const createSyncAccessHandle = () => Promise.reject(new Error("locked"));
    expect(await rowsOfHandle({ createSyncAccessHandle } as unknown as FileSystemFileHandle)).toBe(
      null,
    );
  });

  it("are not copied where there is no private file system", async () => {
    expect(await rowsByCopy(new Blob(["abc"]), 0, 3)).toBe(null);
  });
});

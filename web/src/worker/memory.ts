import type { Door } from "./door.js";
import { savedByRounding } from "./head.js";
import type { Preview } from "./protocol.js";

/**
 * Looks at a file's beginning.
 *
 * @returns what it tells, and the type that the head is to be rounded to.
 * @throws Python's error if the file cannot be loaded now.
 */
export function preview(
  door: Door,
  name: string,
  size: number | undefined,
  first: Uint8Array,
  round: boolean,
): { preview: Preview | null; head: "Q8_0" | undefined } {
  const look = (head: "Q8_0" | undefined) =>
    JSON.parse(door.check(name, size, first, head)) as Preview | null;
  if (!round) return { preview: look(undefined), head: undefined };
  const rounded = look("Q8_0");
  if (rounded && savedByRounding(rounded) > 0) return { preview: rounded, head: "Q8_0" };
  return { preview: look(undefined), head: undefined };
}

/** JavaScript's heap here, where the browser tells; Chromium does, in steps. */
export function scriptBytes(): number | undefined {
  return (performance as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize;
}

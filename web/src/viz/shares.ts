import type { MemoryEntry, MemoryKind, MemoryReport } from "../worker/protocol.js";

/** A part of the bar: all entries of a kind, or what no entry can be. */
export interface Share {
  kind: MemoryKind | "room" | "free";
  bytes: number;
  entries: MemoryEntry[];
}

const ORDER: MemoryKind[] = [
  "program",
  "weights",
  "work",
  "tokenizer",
  "states",
  "words",
  "loading",
  "page",
  "other",
];

/**
 * The budget cut into its parts: every kind with its entries, `room` that Python keeps unused, and
 * what is free. They add up to the limit, or to more where it is exceeded.
 */
export function shares(report: MemoryReport): Share[] {
  const parts: Share[] = ORDER.map((kind) => {
    const entries = report.entries.filter((entry) => entry.kind === kind);
    return { kind, entries, bytes: entries.reduce((sum, { n_bytes }) => sum + n_bytes, 0) };
  });
  const known = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const outside = parts.find(({ kind }) => kind === "page")!.bytes;
  const room = Math.max(0, report.heap_bytes - (known - outside));
  const free = Math.max(0, report.limit_bytes - known - room);
  return [
    ...parts,
    { kind: "room" as const, bytes: room, entries: [] },
    { kind: "free" as const, bytes: free, entries: [] },
  ].filter(({ bytes, kind }) => bytes > 0 || kind === "free");
}

/** The talks that hold states, the largest first. */
export function statesOf(report: MemoryReport): MemoryEntry[] {
  return report.entries
    .filter(({ kind, n_bytes }) => kind === "states" && n_bytes > 0)
    .sort((a, b) => b.n_bytes - a.n_bytes);
}

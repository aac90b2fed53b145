import type { Preview } from "./protocol.js";

/**
 * Milliseconds a token that every megabyte less of a head saves, measured in WebAssembly on the
 * machine of our benchmarks; see docs/models.md.
 */
export const MS_PER_SAVED_MB = 0.3;

/** What rounding the head of a model saves, in bytes; 0 where it is not worth it. */
export function savedByRounding({ head_bytes, rounded_head_bytes }: Preview): number {
  return rounded_head_bytes ? head_bytes - rounded_head_bytes : 0;
}

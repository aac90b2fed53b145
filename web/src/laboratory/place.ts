/** A place in a text, both from 1. */
export interface TextPlace {
  line: number;
  column: number;
}

/** The place that an error's sentence names, if it does. */
export function placeOf(sentence: string): TextPlace | null {
  const found = /\bline (\d+),? column (\d+)/.exec(sentence);
  return found ? { line: Number(found[1]), column: Number(found[2]) } : null;
}

/** Where a place lies in a text, counted in characters. */
export function offsetOf(text: string, { line, column }: TextPlace): number {
  let at = 0;
  for (let i = 1; i < line; i++) {
    const end = text.indexOf("\n", at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  return Math.min(text.length, at + column - 1);
}

/** An object's name as it is drawn: `x{1,2}` is x with the index 1,2. */
export interface ObjectName {
  stem: string;
  index: string;
}

/** Takes an object's name apart. */
export function objectName(name: string): ObjectName {
  const brace = name.indexOf("{");
  if (brace < 0) return { stem: name, index: "" };
  return { stem: name.slice(0, brace), index: name.slice(brace + 1, -1) };
}

const LOW = "₀₁₂₃₄₅₆₇₈₉";

/** The same in one line of text: `x₁,₂`. */
export function written(name: string): string {
  const { stem, index } = objectName(name);
  return stem + index.replace(/\d/g, (digit) => LOW[Number(digit)]!).replace(/-/g, "₋");
}

/** How often an object is there: `c ×9`, and `c` for one. */
export function counted(name: string, count: number): string {
  return count === 1 ? written(name) : `${written(name)} ×${count.toLocaleString("en")}`;
}

/** A multiset as text: `a ×2, b`; `nothing` if it is empty. */
export function multiset(objects: Record<string, number>): string {
  const words = Object.entries(objects).map(([name, count]) => counted(name, count));
  return words.join(", ") || "nothing";
}

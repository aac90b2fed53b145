/** A file that a visitor keeps, with what it says of itself. */
export interface About {
  /** The name without its ending. */
  name: string;
  title: string;
  /** What was computed, by what, from which values. */
  description: string;
}

/** Gives a file to the visitor; nothing leaves the machine. */
export function keep(name: string, data: BlobPart, type: string): void {
  const link = document.createElement("a");
  const url = URL.createObjectURL(new Blob([data], { type }));
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Rows as RFC 4180 has them: commas, quotes where they are needed, CR LF. */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** A name for a file: letters, digits and dashes. */
export function fileName(text: string): string {
  const plain = text.normalize("NFKD").replace(/[^\w]+/g, "-");
  return plain.replace(/^-+|-+$/g, "").toLowerCase() || "figure";
}

import type { View } from "./ui/inside.js";

/** A column of the page; on a phone one is shown at a time. */
export type Column = "chats" | "talk" | "inside";

/** The place that the address keeps, so that back, reload and links work. */
export interface Place {
  talk: string | null;
  column: Column;
  /** `null`: Inside is closed. */
  view: View | null;
}

/** Reads `#talk=…&view=state`. What is unknown is left out. */
export function readPlace(hash: string): Place {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const view = values.get("view");
  const column = values.get("column");
  return {
    talk: values.get("talk"),
    column: column === "chats" || column === "inside" ? column : "talk",
    view: view === "state" || view === "model" ? view : null,
  };
}

/** The inverse of {@link readPlace}. */
export function writePlace({ talk, column, view }: Place): string {
  const values = new URLSearchParams();
  if (talk) values.set("talk", talk);
  if (view) values.set("view", view);
  if (column !== "talk") values.set("column", column);
  const text = values.toString();
  return text ? `#${text}` : "";
}

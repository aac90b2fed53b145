/** A column of the page; on a phone one is shown at a time. */
export type Column = "chats" | "talk" | "inside";

/** The views of the right column, by the names that the address uses. */
export const VIEWS = {
  state: "State",
  membranes: "Membranes",
  memories: "Memory",
  reservoir: "Reservoir",
  model: "Model",
} as const;
export type View = keyof typeof VIEWS;

/** The sections of the laboratory, in the order of the page. */
export const SECTION_NAMES = ["reservoir", "membranes", "trees"] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

/** The place that the address keeps, so that back, reload and links work. */
export interface Place {
  talk: string | null;
  column: Column;
  /** `null`: Inside is closed. */
  view: View | null;
  /** The section of the laboratory that takes the page, if one does. */
  laboratory: SectionName | null;
}

const LABORATORY = "#/laboratory/";

/** Reads `#talk=…&view=state` or `#/laboratory/trees`. What is unknown is left out. */
export function readPlace(hash: string): Place {
  if (hash.startsWith(LABORATORY) || hash === LABORATORY.slice(0, -1)) {
    const name = hash.slice(LABORATORY.length);
    const laboratory = SECTION_NAMES.find((known) => known === name) ?? SECTION_NAMES[0];
    return { talk: null, column: "talk", view: null, laboratory };
  }
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const view = values.get("view");
  const column = values.get("column");
  return {
    talk: values.get("talk"),
    column: column === "chats" || column === "inside" ? column : "talk",
    view: view !== null && Object.hasOwn(VIEWS, view) ? (view as View) : null,
    laboratory: null,
  };
}

/** The inverse of {@link readPlace}. */
export function writePlace({ talk, column, view, laboratory }: Place): string {
  if (laboratory) return LABORATORY + laboratory;
  const values = new URLSearchParams();
  if (talk) values.set("talk", talk);
  if (view) values.set("view", view);
  if (column !== "talk") values.set("column", column);
  const text = values.toString();
  return text ? `#${text}` : "";
}

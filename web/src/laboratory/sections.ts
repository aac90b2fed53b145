import type { SectionName } from "../address.js";

/** A section: its title, its program, and the element that shows it. */
export interface SectionEntry {
  title: string;
  /** What it is about, in one sentence. */
  about: string;
  load(): Promise<unknown>;
  tag: string;
}

/** The laboratory's sections by the names that the address uses, in the order of the page. */
export const SECTIONS: Record<SectionName, SectionEntry> = {
  reservoir: {
    title: "Reservoir",
    about:
      "A random network that is never trained echoes what drives it; a linear readout of its " +
      "units learns to predict.",
    load: () => import("./reservoir.js"),
    tag: "echo-lab-reservoir",
  },
  membranes: {
    title: "Membranes",
    about:
      "Membrane systems compute with objects in nested regions: in every step, all rules that " +
      "can be applied are applied, as often as possible.",
    load: () => import("./membranes.js"),
    tag: "echo-lab-membranes",
  },
  trees: {
    title: "Trees",
    about:
      "Every step of a Runge-Kutta method is a sum over rooted trees; up to which order its " +
      "terms are those of the exact solution says how good the method is.",
    load: () => import("./trees.js"),
    tag: "echo-lab-trees",
  },
};

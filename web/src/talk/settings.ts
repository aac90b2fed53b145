import type { Settings } from "../worker/protocol.js";

/** The range of a setting, as `py/deep_tree_echo/sampling.py` checks it. */
export interface Range {
  name: Exclude<keyof Settings, "seed">;
  label: string;
  /** What it does, in one line. */
  hint: string;
  min: number;
  max: number;
  step: number;
}

/** The defaults suit a chat with a small model. */
export const DEFAULTS: Settings = {
  temperature: 0.8,
  top_p: 0.9,
  top_k: 40,
  min_p: 0,
  typical_p: 1,
  repetition_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  seed: null,
  max_tokens: 256,
};

export const RANGES: Range[] = [
  {
    name: "temperature",
    label: "Temperature",
    hint: "Higher is bolder; 0 always takes the likeliest token.",
    min: 0,
    max: 2,
    step: 0.05,
  },
  {
    name: "top_p",
    label: "Top p",
    hint: "Keeps the likeliest tokens up to this share of probability; 1 is off.",
    min: 0.01,
    max: 1,
    step: 0.01,
  },
  {
    name: "top_k",
    label: "Top k",
    hint: "Keeps this many of the likeliest tokens; 0 is off.",
    min: 0,
    max: 200,
    step: 1,
  },
  {
    name: "min_p",
    label: "Min p",
    hint: "Drops tokens below this share of the best one; 0 is off.",
    min: 0,
    max: 0.99,
    step: 0.01,
  },
  {
    name: "typical_p",
    label: "Typical p",
    hint: "Keeps tokens that surprise as much as usual; 1 is off.",
    min: 0.01,
    max: 1,
    step: 0.01,
  },
  {
    name: "repetition_penalty",
    label: "Repetition penalty",
    hint: "Above 1 makes tokens of this answer less likely to come again.",
    min: 0.5,
    max: 2,
    step: 0.05,
  },
  {
    name: "presence_penalty",
    label: "Presence penalty",
    hint: "Taken off once from every token already in this answer; 0 is off.",
    min: -2,
    max: 2,
    step: 0.1,
  },
  {
    name: "frequency_penalty",
    label: "Frequency penalty",
    hint: "Taken off for each time a token is in this answer; 0 is off.",
    min: -2,
    max: 2,
    step: 0.1,
  },
  {
    name: "max_tokens",
    label: "Longest answer",
    hint: "Tokens after which an answer ends; continue takes it up again.",
    min: 16,
    max: 2048,
    step: 16,
  },
];

/** Saved settings made whole: what is missing or out of range takes its default. */
export function completed(saved: Partial<Settings> | undefined): Settings {
  const settings = { ...DEFAULTS };
  for (const { name, min, max } of RANGES) {
    const value = saved?.[name];
    if (typeof value === "number" && value >= min && value <= max) settings[name] = value;
  }
  const seed = saved?.seed;
  if (typeof seed === "number" && Number.isSafeInteger(seed) && seed >= 0) settings.seed = seed;
  return settings;
}

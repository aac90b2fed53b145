/** What `py/deep_tree_echo/laboratory/reservoir.py` takes and returns, field for field. */

export interface Task {
  id: string;
  title: string;
  about: string;
  /** Whether its future follows from the series alone. */
  free: boolean;
  /** How many steps ahead one usually looks. */
  horizon: number;
}

export interface Options {
  tasks: Task[];
  recurrent: string[];
  activations: string[];
  readouts: { id: string; title: string }[];
  most_units: number;
  most_steps: number;
  least_steps: number;
  most_horizon: number;
}

/** Keyword arguments of `Reservoir`. */
export interface Settings {
  size: number;
  spectral_radius: number;
  leak_rate: number;
  density: number;
  input_scaling: number;
  recurrent: string;
  activation: string;
  seed: number;
}

export interface Built {
  size: number;
  connections: number;
  radius: number;
  /** (size, 2): real and imaginary parts of W's eigenvalues; `null` if there are too many units. */
  eigenvalues: Float32Array | null;
  /** Those of (1 - a) I + a W. */
  effective: Float32Array | null;
}

/** What is to be learned, and how. */
export interface Plan {
  task: string;
  steps: number;
  seed: number;
  horizon: number;
  free: boolean;
  readout: string;
  regularisation: number;
  columns: number[];
}

export interface Taken {
  title: string;
  names: string[];
  unit: string;
  interval: number;
  /** (T, outputs). */
  values: Float64Array;
  /** Steps that are learned from. */
  train: number;
  autonomous: boolean;
}

/** A reader's own table. */
export interface Read {
  names: string[];
  steps: number;
  head: number[][];
}

export interface Found {
  /** The step of the series that `truth` and `output` begin with. */
  first: number;
  /** (steps, outputs). */
  truth: Float64Array;
  /** (steps, outputs). */
  output: Float64Array;
  nrmse: number | null;
  nmse: number | null;
  /** How long it holds, in the series' unit. */
  valid: number;
  whole: boolean;
  lyapunov: number | null;
  seconds: number;
}

/** A result with what it was found for. */
export interface Result {
  settings: Settings;
  plan: Plan;
  taken: Taken;
  found: Found;
}

export interface Activity {
  /** (steps, size). */
  states: Float32Array;
  /** (steps, 2): in the plane of the first two principal components. */
  path: Float32Array;
  /** Their shares of the variance. */
  shares: [number, number];
}

export const FIRST_SETTINGS: Settings = {
  size: 300,
  spectral_radius: 0.9,
  leak_rate: 0.5,
  density: 0.1,
  input_scaling: 0.3,
  recurrent: "uniform",
  activation: "tanh",
  seed: 1,
};

export const FIRST_PLAN: Plan = {
  task: "mackey-glass",
  steps: 2000,
  seed: 1,
  horizon: 84,
  free: false,
  readout: "ridge",
  regularisation: 1e-6,
  columns: [0],
};

/** One column of a table of rows. */
export function column(values: Float64Array, width: number, at: number): Float64Array {
  return Float64Array.from(
    { length: values.length / width },
    (_, row) => values[row * width + at]!,
  );
}

/** A setting in words: `300 units, ρ 0.9, leak 0.5`. */
export function named({ size, spectral_radius, leak_rate, input_scaling }: Settings): string {
  return `${size} units, ρ ${spectral_radius}, leak ${leak_rate}, input ${input_scaling}`;
}

/** How an axis counts. */
export type Scale = "linear" | "log";

/** A place on an axis that has a number beside it. */
export interface Tick {
  value: number;
  label: string;
}

/** An axis from `low` to `high`, with round numbers on it. */
export interface Axis {
  low: number;
  high: number;
  ticks: Tick[];
  /** Where a value stands, 0 at `low` and 1 at `high`. */
  at(value: number): number;
}

const HIGH = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** `10⁻³`. */
export function powerOfTen(exponent: number): string {
  const digits = String(Math.abs(exponent)).replace(/\d/g, (digit) => HIGH[Number(digit)]!);
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

/**
 * An axis that holds all values.
 *
 * @param values - Not finite ones are left out, and on a logarithmic axis those that are not
 * positive.
 * @param wanted - About how many ticks.
 */
export function axis(values: Iterable<number>, scale: Scale, wanted = 5): Axis {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value) || (scale === "log" && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (scale === "log") return logarithmic(low, high, wanted);
  if (low > high) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const step = roundStep((high - low) / wanted);
  low = Math.floor(low / step + 1e-9) * step;
  high = Math.ceil(high / step - 1e-9) * step;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks: Tick[] = [];
  for (let i = 0; i <= Math.round((high - low) / step); i++) {
    const value = low + i * step;
    ticks.push({ value, label: shown(value, digits) });
  }
  return { low, high, ticks, at: (value) => (value - low) / (high - low) };
}

function logarithmic(least: number, most: number, wanted: number): Axis {
  if (least > most) [least, most] = [0.1, 1];
  // Room at both ends, and at least two powers of ten.
  let low = Math.log10(least);
  let high = Math.log10(most);
  const room = Math.max(0.05, 0.04 * (high - low));
  low -= room;
  high += room;
  if (Math.floor(high) - Math.ceil(low) < 1) {
    const power = Math.round((low + high) / 2);
    low = Math.min(low, power - 0.55);
    high = Math.max(high, power + 0.55);
    if (Math.floor(high) - Math.ceil(low) < 1) high = Math.ceil(low) + 1;
  }
  const every = Math.max(1, Math.ceil((high - low) / wanted - 1e-9));
  const ticks: Tick[] = [];
  for (let power = Math.floor(high); power >= low; power -= every) {
    ticks.unshift({ value: 10 ** power, label: powerOfTen(power) });
  }
  return {
    low: 10 ** low,
    high: 10 ** high,
    ticks,
    at: (value) => (Math.log10(value) - low) / (high - low),
  };
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((factor) => factor * power >= step * (1 - 1e-9)) ?? 10);
}

function shown(value: number, digits: number): string {
  if (Math.abs(value) >= 1e6 || digits > 4) return value.toExponential(1).replace("-", "−");
  return (Math.abs(value) < 1e-12 ? 0 : value).toFixed(digits).replace("-", "−");
}

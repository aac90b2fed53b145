import { html, type TemplateResult } from "lit";

/** An order condition with its indices and powers where they belong: `b_i c_i^2`. */
export function equation(text: string): TemplateResult {
  const parts = text.split(/([abc]_[a-z]+(?:\^\d+)?)/);
  return html`${parts.map((part) => {
    const [, name, index, power] = /^([abc])_([a-z]+)(?:\^(\d+))?$/.exec(part) ?? [];
    if (!name) return part;
    return html`<i>${name}</i><sub>${index}</sub>${power ? html`<sup>${power}</sup>` : ""}`;
  })}`;
}

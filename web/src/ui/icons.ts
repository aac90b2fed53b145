import { svg, html, type TemplateResult } from "lit";

const PATHS = {
  chats: "M4 5h16v11H9l-5 4z",
  plus: "M12 5v14M5 12h14",
  inside: "M4 5h16v14H4zM14 5v14",
  settings: "M4 7h10M18 7h2M4 17h4M12 17h8M14 5v4M10 15v4",
  send: "M12 19V6M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  again: "M19 12a7 7 0 1 1-2-5M17 3v4h-4",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  copy: "M9 9h10v10H9zM5 15V5h10",
  forward: "M5 12h13M13 7l5 5-5 5",
  out: "M12 4v11M7 10l5 5 5-5M5 20h14",
  in: "M12 15V4M7 9l5-5 5 5M5 20h14",
  compare: "M4 5h7v14H4zM13 5h7v14h-7z",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  close: "M6 6l12 12M18 6L6 18",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  warning: "M12 4L3 20h18zM12 10v4M12 17v.5",
  check: "M5 13l5 5L19 7",
  laboratory: "M9 3h6M10 3v6L4.5 18.5A1.7 1.7 0 0 0 6 21h12a1.7 1.7 0 0 0 1.5-2.5L14 9V3M7.5 15h9",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  first: "M18 6l-8 6 8 6zM6 5v14",
  last: "M6 6l8 6-8 6zM18 5v14",
  words: "M4 7h4M11 7h9M4 12h9M16 12h4M4 17h6M13 17h7",
  asking: "M4 7h10M18 7h2M4 17h4M12 17h8M14 5v4M10 15v4",
  lock: "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3",
} as const;

/** A line drawing beside a label; it says nothing to a screen reader by itself. */
export function icon(name: keyof typeof PATHS): TemplateResult {
  return html`<svg
    width="18"
    height="18"
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${svg`<path d=${PATHS[name]} />`}
  </svg>`;
}

import { css } from "lit";
import DOMPurify from "dompurify";
import { marked } from "marked";

/** Tags that an answer may use. No images, media or forms: an answer sends nothing anywhere. */
const TAGS = (
  "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup " +
  "table tbody td th thead tr ul"
).split(" ");

// Tags with attributes are shown as they are written: the page's policy counts a handler as an
// offence as soon as it is parsed, before anything is taken out.
marked.use({ renderer: { html: ({ text }) => text.replace(/<(?!\/?\w+\s*\/?>)/g, "&lt;") } });

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("rel", "noopener noreferrer");
  node.setAttribute("target", "_blank");
});

/** An answer's Markdown as HTML that can do no harm. */
export function markdown(text: string): string {
  return DOMPurify.sanitize(marked.parse(text, { async: false, gfm: true, breaks: true }), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "start", "align", "rel", "target"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  });
}

/** How it looks. */
export const prose = css`
  .answer p {
    text-wrap: pretty;
  }
  .answer > :first-child {
    margin-top: 0;
  }
  .answer > :last-child {
    margin-bottom: 0;
  }
  .answer p,
  .answer ul,
  .answer ol,
  .answer pre,
  .answer blockquote,
  .answer table {
    margin: 0 0 0.8em;
  }
  .answer ul,
  .answer ol {
    padding-inline-start: 1.5em;
    list-style: revert;
  }
  .answer h1,
  .answer h2,
  .answer h3,
  .answer h4 {
    margin: 1.2em 0 0.4em;
    font-size: 1.0625rem;
    line-height: 1.35;
  }
  .answer pre {
    padding: 0.75rem 1rem;
    border-radius: 0.5rem;
    background: var(--side);
    overflow-x: auto;
  }
  .answer code {
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
    font-size: 0.9em;
  }
  .answer blockquote {
    padding-inline-start: 1em;
    border-inline-start: 3px solid var(--line-strong);
    color: var(--muted);
  }
  .answer table {
    border-collapse: collapse;
  }
  .answer th,
  .answer td {
    padding: 0.25em 0.75em;
    border: 1px solid var(--line);
  }
`;

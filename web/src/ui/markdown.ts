import DOMPurify from "dompurify";
import { marked } from "marked";

/** Tags that an answer may use. No images, media or forms: an answer sends nothing anywhere. */
const TAGS = (
  "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup " +
  "table tbody td th thead tr ul"
).split(" ");

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

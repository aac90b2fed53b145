import { keep, type About } from "../file.js";
import { withTexts } from "./png.js";

const SVG = "http://www.w3.org/2000/svg";
const SOURCE = "Deep Tree Echo, laboratory; computed on this machine";
/** What a drawing takes from the page's style sheets, as attributes that every viewer knows. */
const KEPT = [
  ...["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray"],
  ...["stroke-linejoin", "stroke-linecap", "opacity", "font-family", "font-size", "font-weight"],
  ...["font-style", "text-anchor", "dominant-baseline"],
];
const MARGIN = 20;
const TITLE = 44;
const TITLE_SIZE = 16;
/** Pixels of a PNG for each of the drawing's. */
const SCALE = 2;

/** Colours that older viewers do not know, as ones that they do. */
function plainColour(value: string): string {
  const found = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)/.exec(value);
  if (!found) return value;
  const [r, g, b] = found.slice(1).map((part) => Math.round(255 * Number(part)));
  return `rgb(${r}, ${g}, ${b})`;
}

function element(name: string, attributes: Record<string, string | number>, text = ""): Element {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}

/** Copies a drawing with its computed styles as attributes. */
function copied(from: Element): Element {
  const made = document.createElementNS(SVG, from.localName);
  for (const { name, value } of from.attributes) {
    if (!/^(class|style|tabindex|role|aria-.*|on.*)$/.test(name)) made.setAttribute(name, value);
  }
  const style = getComputedStyle(from);
  for (const name of KEPT) {
    const value = style.getPropertyValue(name);
    if (value) made.setAttribute(name, plainColour(value));
  }
  for (const child of from.childNodes) {
    if (child instanceof SVGElement) {
      if (getComputedStyle(child).display !== "none") made.append(copied(child));
    } else if (child.nodeType === Node.TEXT_NODE) {
      made.append(child.textContent ?? "");
    }
  }
  return made;
}

/**
 * A drawing as a file of its own: on its background, with its title above it and its source in
 * the metadata.
 *
 * @param drawing - Drawn on the page, so that its styles are known.
 */
export function svgFile(drawing: SVGSVGElement, { title, description }: About): string {
  const box = drawing.viewBox.baseVal;
  const page = getComputedStyle(drawing);
  const font = page.fontFamily;
  const width = Math.ceil(Math.max(box.width, 320, widthOf(title, font))) + 2 * MARGIN;
  const height = Math.ceil(box.height) + TITLE + 2 * MARGIN + 14;
  const colour = (name: string) => page.getPropertyValue(name).trim();
  const root = element("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  root.append(element("title", {}, title));
  root.append(element("desc", {}, description));
  const metadata = element("metadata", {});
  metadata.append(rdf(title, description));
  root.append(metadata);
  root.append(element("rect", { width, height, fill: colour("--surface") }));
  const text = { "font-family": font, fill: colour("--ink"), x: MARGIN };
  const head = { ...text, y: 32, "font-size": TITLE_SIZE, "font-weight": 600 };
  root.append(element("text", head, title));
  const inner = copied(drawing);
  for (const name of ["width", "height"]) inner.setAttribute(name, String(box[name as "width"]));
  inner.setAttribute("x", String(MARGIN + Math.max(0, (width - 2 * MARGIN - box.width) / 2)));
  inner.setAttribute("y", String(TITLE));
  inner.setAttribute("overflow", "visible");
  root.append(inner);
  const foot = { ...text, y: height - MARGIN / 2, "font-size": 10, fill: colour("--muted") };
  root.append(element("text", foot, SOURCE));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(root)}\n`;
}

/** Width of a title in pixels. */
function widthOf(title: string, font: string): number {
  const context = document.createElement("canvas").getContext("2d")!;
  context.font = `600 ${TITLE_SIZE}px ${font}`;
  return context.measureText(title).width;
}

/** Dublin Core, as Inkscape and others read it. */
function rdf(title: string, description: string): Element {
  const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
  const DC = "http://purl.org/dc/elements/1.1/";
  const root = document.createElementNS(RDF, "rdf:RDF");
  const work = document.createElementNS(RDF, "rdf:Description");
  const facts = { title, description, source: SOURCE, date: new Date().toISOString() };
  for (const [name, value] of Object.entries(facts)) {
    const fact = document.createElementNS(DC, `dc:${name}`);
    fact.textContent = value;
    work.append(fact);
  }
  root.append(work);
  return root;
}

/** The same as pixels. */
async function pngFile(drawing: SVGSVGElement, about: About): Promise<Uint8Array<ArrayBuffer>> {
  const text = svgFile(drawing, about);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * SCALE;
  canvas.height = image.naturalHeight * SCALE;
  const context = canvas.getContext("2d")!;
  context.scale(SCALE, SCALE);
  context.drawImage(image, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("This drawing is too large for a PNG; save it as SVG.");
  return withTexts(new Uint8Array(await blob.arrayBuffer()), {
    Title: about.title,
    Description: about.description,
    Source: SOURCE,
    "Creation Time": new Date().toISOString(),
  });
}

/** Gives a drawing to the visitor as a file. */
export async function keepFigure(
  drawing: SVGSVGElement,
  form: "svg" | "png",
  about: About,
): Promise<void> {
  if (form === "svg") keep(`${about.name}.svg`, svgFile(drawing, about), "image/svg+xml");
  else keep(`${about.name}.png`, await pngFile(drawing, about), "image/png");
}

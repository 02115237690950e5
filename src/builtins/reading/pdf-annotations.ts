import type { PDFPageProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** What was written into a field of a form, and the field's place. */
export interface FilledField {
  readonly text: string;
  readonly left: number;
  readonly bottom: number;
  readonly top: number;
}

/** The parts of pdf.js's description of an annotation that matter here. */
interface Annotation {
  readonly subtype?: string;
  readonly rect?: readonly number[];
  /** ISO 32000, table 167. */
  readonly annotationFlags?: number;
  readonly fieldType?: string;
  readonly fieldValue?: unknown;
  /** What a choice may hold, and how it is shown. */
  readonly options?: readonly { readonly exportValue: unknown; readonly displayValue: unknown }[];
  readonly password?: boolean;
  /** The lines that its appearance shows. */
  readonly textContent?: readonly string[];
  readonly contentsObj?: { readonly str?: string };
}

const HIDDEN = 1 << 1;
const NO_VIEW = 1 << 5;
/** Links say what the text says, and pop-ups show another annotation's contents. */
const WITHOUT_TEXT = new Set(["Link", "Popup"]);
/** Types of fields that hold text: `Tx`, or a choice, `Ch`. Buttons hold none. */
const TEXT_FIELDS = new Set(["Tx", "Ch"]);

/** What was written into the fields of a page, and what its other annotations say. */
export async function annotationsOf(page: PDFPageProxy): Promise<{ fields: FilledField[]; comments: string[] }> {
  const fields: FilledField[] = [];
  const comments: string[] = [];
  const annotations = (await page.getAnnotations().catch(() => [])) as readonly Annotation[];
  for (const annotation of annotations) {
    const { subtype = "", annotationFlags = 0, rect: [left = 0, bottom = 0, , top = bottom] = [] } = annotation;
    if (annotationFlags & (HIDDEN | NO_VIEW) || WITHOUT_TEXT.has(subtype)) continue;
    const isField = subtype === "Widget";
    const text = isField ? fieldText(annotation) : commentText(annotation);
    if (text === "") continue;
    // What is written on the page itself stands there like a field.
    if (isField || subtype === "FreeText") fields.push({ text, left, bottom, top });
    else comments.push(text);
  }
  return { fields, comments };
}

function fieldText({ fieldType = "", fieldValue, options = [], password, textContent = [] }: Annotation): string {
  if (!TEXT_FIELDS.has(fieldType) || password) return "";
  const values = (Array.isArray(fieldValue) ? fieldValue : [fieldValue])
    .map((value) => options.find(({ exportValue }) => exportValue === value)?.displayValue ?? value)
    .filter((value) => typeof value === "string");
  return (values.join(", ") || textContent.join("\n")).trim();
}

const commentText = ({ contentsObj, textContent = [] }: Annotation): string =>
  (contentsObj?.str || textContent.join("\n")).trim();

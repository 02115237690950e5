import type { PDFPageProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** The content of a form field, and the position of the field. */
export interface FilledField {
  readonly text: string;
  readonly left: number;
  readonly bottom: number;
  readonly top: number;
}

/** The fields of pdf.js's description of an annotation that are used here. */
interface Annotation {
  readonly subtype?: string;
  readonly rect?: readonly number[];
  /** A bit set (ISO 32000, table 167). */
  readonly annotationFlags?: number;
  readonly fieldType?: string;
  readonly fieldValue?: unknown;
  /** The possible values of a choice, and how they are shown. */
  readonly options?: readonly { readonly exportValue: unknown; readonly displayValue: unknown }[];
  readonly password?: boolean;
  /** The lines of its appearance. */
  readonly textContent?: readonly string[];
  readonly contentsObj?: { readonly str?: string };
}

const HIDDEN = 1 << 1;
const NO_VIEW = 1 << 5;
/** Annotations without text of their own: a link repeats the page's text, a pop-up that of another annotation. */
const WITHOUT_TEXT = new Set(["Link", "Popup"]);
/** The types of form fields that contain text: `Tx`, or a choice, `Ch`. Buttons contain none. */
const TEXT_FIELDS = new Set(["Tx", "Ch"]);

/** The contents of a page's form fields, and the texts of its other annotations. */
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
    // Free text is written on the page itself, so it has a position like a field.
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

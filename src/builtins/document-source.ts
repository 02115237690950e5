import { z } from "zod";
import { name as typeName } from "../core/names.ts";
import { show } from "../core/problem.ts";

/** Options for reading a document. */
interface Reading {
  /**
   * The treatment of a document that cannot be read: its task fails, or its result is the error. Default: `fail` for a
   * single document, `report` for each of several.
   */
  readonly ifUnreadable?: "fail" | "report";
  /**
   * The task type that recognizes the text of scanned pages. Its input is a {@link RecognizeInput}, its output `{ text
   * }`. Default: a PDF that contains only pictures cannot be read.
   */
  readonly recognize?: string;
}

/** The input of a task that recognizes text: a scanned PDF, by path or as a blob, and its number of pages. */
export type RecognizeInput = { readonly name: string; readonly pages: number } & (
  | { readonly file: string }
  | { readonly blob: string }
);

/** One document: its text, a path that the worker may open, or a blob with a file name that determines its format. */
export type DocumentSource = (
  | { readonly text: string; readonly name?: string }
  | { readonly file: string; readonly name?: string }
  | { readonly blob: string; readonly name: string }
) &
  Reading;

/** The input of `document`: one document, or up to 1,000. */
export type DocumentInput = DocumentSource | ({ readonly documents: readonly DocumentSource[] } & Reading);

const MOST_DOCUMENTS = 1_000;

const fields = {
  text: z.string().optional(),
  file: z.string().min(1).optional(),
  blob: z.string().min(1).max(256).optional(),
  name: z.string().min(1).max(1024).optional(),
  ifUnreadable: z.enum(["fail", "report"]).optional(),
  recognize: typeName.optional(),
};

const EXACTLY_ONE = (kinds: readonly string[]) => ({
  oneOf: kinds.map((kind) => ({ required: kind === "blob" ? ["blob", "name"] : [kind] })),
});

/**
 * Refuses a document that does not have exactly one of the kinds. The schemas are objects with optional fields rather
 * than unions, so that a problem names the field concerned and this rule is reported separately, in the JSON Schema
 * too.
 */
const exactlyOne =
  (kinds: readonly string[]) => (value: Readonly<Record<string, unknown>>, context: z.RefinementCtx) => {
    const given = kinds.filter((kind) => value[kind] !== undefined);
    if (given.length !== 1) {
      const received = given.length === 0 ? show(value) : given.join(" and ");
      context.addIssue({
        code: "custom",
        message: `expected exactly one of ${kinds.join(", ")}; received ${received}`,
      });
    }
    if (value.blob !== undefined && value.name === undefined)
      context.addIssue({
        code: "custom",
        path: ["name"],
        message: "expected the file's name beside blob, to determine its format; received nothing",
      });
  };

const ONE = ["text", "file", "blob"];
const ANY = [...ONE, "documents"];

const source = z.strictObject(fields).superRefine(exactlyOne(ONE)).meta(EXACTLY_ONE(ONE));
const input = z
  .strictObject({ ...fields, documents: z.array(source).min(1).max(MOST_DOCUMENTS).optional() })
  .superRefine(exactlyOne(ANY))
  .meta(EXACTLY_ONE(ANY));

export const documentSource = source as unknown as z.ZodType<DocumentSource, DocumentSource>;
export const documentInput = input as unknown as z.ZodType<DocumentInput, DocumentInput>;

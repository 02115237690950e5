import { z } from "zod";
import { TerminalError } from "../core/error.ts";
import { plan } from "../define/plan.ts";
import { task } from "../define/task.ts";
import { type HandlerContext, worker } from "../define/worker.ts";
import { type DocumentSource, documentSource, type RecognizeInput } from "./document-source.ts";
import { countText, textStatistics } from "./language/text-statistics.ts";
import { FORMATS, unreadable } from "./reading/file-format.ts";
import { cleanText, type FileContent, MAX_FILE_BYTES, readFile } from "./reading/read-file.ts";

export const extractTask = task("extract", {
  description:
    "Reads the plain text of a document (txt, md, html, pdf, docx, csv or json, or a text given as it is) and counts it.",
  input: documentSource,
  output: z.object({
    text: z.string(),
    /** The file's name without folders; null for a text without a name. */
    name: z.string().nullable(),
    /** Null for a document that could not be read. */
    format: z.enum(FORMATS).nullable(),
    statistics: textStatistics,
    /** The reason why the document could not be read and its text is empty; null otherwise. */
    error: z.object({ message: z.string() }).nullable(),
  }),
  timeout: "2m",
});

export const extractWorker = worker(extractTask, async (context) => {
  const name = nameOf(context.input);
  try {
    const content = await read(context, name);
    if ("pictures" in content) return recognize(context.input, name ?? "document", content.pictures);
    const { text, format } = content;
    return { text, name, format, statistics: await countText(text, context.signal), error: null };
  } catch (error) {
    // Any other error may not occur at the next attempt.
    if (context.input.ifUnreadable !== "report" || !(error instanceof TerminalError)) throw error;
    context.log(error.message, "warn");
    const statistics = { characters: 0, words: 0, sentences: 0 };
    return { text: "", name, format: null, statistics, error: { message: error.message } };
  }
});

/** The plan for scanned pages: a task that recognizes their text, and one that extracts it. */
function recognize(source: DocumentSource, name: string, pages: number) {
  const { recognize: type, ifUnreadable = "fail" } = source;
  if (type === undefined || "text" in source)
    throw unreadable(
      name,
      `found a pdf of ${pages} page(s) without any text, perhaps scanned pictures`,
      'set "recognize" to a task type of your own that recognizes text: its input is {"name", "pages"} and "file" or "blob", its output {"text"}',
    );
  const input: RecognizeInput = { name, pages, ...("file" in source ? { file: source.file } : { blob: source.blob }) };
  return plan((p) => {
    const recognized = p.task<{ text: string }>(type, input, { key: "recognize" });
    return p.task(extractTask, { text: recognized.output.text, name, ifUnreadable }, { key: "recognized" });
  });
}

const lastPart = (path: string): string => path.split(/[/\\]/).filter(Boolean).at(-1) ?? path;

function nameOf(source: DocumentSource): string | null {
  if (source.name !== undefined) return lastPart(source.name);
  return "file" in source ? lastPart(source.file) : null;
}

async function read(context: HandlerContext<DocumentSource>, name: string | null): Promise<FileContent> {
  const { input, signal } = context;
  if ("text" in input) {
    const text = cleanText(input.text);
    if (text === "")
      throw new TerminalError(`text${name ? ` of ${name}` : ""}: found nothing but blanks; expected some text`);
    return { text, format: "txt" };
  }
  const bytes =
    "file" in input
      ? await context.openFile(input.file, { maxBytes: MAX_FILE_BYTES })
      : await context.blobs.get(input.blob);
  return readFile(name ?? "document", bytes, signal);
}

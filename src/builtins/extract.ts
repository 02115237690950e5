import { z } from "zod";
import { TerminalError } from "../core/error.ts";
import { task } from "../define/task.ts";
import { type HandlerContext, worker } from "../define/worker.ts";
import { type DocumentSource, documentSource } from "./document-source.ts";
import { countText, textStatistics } from "./language/text-statistics.ts";
import { FORMATS } from "./reading/file-format.ts";
import { cleanText, type ReadFile, readFile } from "./reading/read-file.ts";

export const extractTask = task("extract", {
  description:
    "Reads the plain text of a document (txt, md, html, pdf or docx, or a text given as it is) and counts it.",
  input: documentSource,
  output: z.object({
    text: z.string(),
    /** Of the file, without folders; null for a text that was given none. */
    name: z.string().nullable(),
    /** Null for a document that could not be read. */
    format: z.enum(FORMATS).nullable(),
    statistics: textStatistics,
    /** Why the document could not be read, and its text is empty; null where it was. */
    error: z.object({ message: z.string() }).nullable(),
  }),
  timeout: "2m",
});

export const extractWorker = worker(extractTask, async (context) => {
  const name = nameOf(context.input);
  try {
    const { text, format } = await read(context, name);
    return { text, name, format, statistics: await countText(text, context.signal), error: null };
  } catch (error) {
    // Anything else may be better at the next attempt.
    if (context.input.ifUnreadable !== "report" || !(error instanceof TerminalError)) throw error;
    context.log(error.message, "warn");
    const statistics = { characters: 0, words: 0, sentences: 0 };
    return { text: "", name, format: null, statistics, error: { message: error.message } };
  }
});

const lastPart = (path: string): string => path.split(/[/\\]/).filter(Boolean).at(-1) ?? path;

function nameOf(source: DocumentSource): string | null {
  if (source.name !== undefined) return lastPart(source.name);
  return "file" in source ? lastPart(source.file) : null;
}

async function read(context: HandlerContext<DocumentSource>, name: string | null): Promise<ReadFile> {
  const { input, signal } = context;
  if ("text" in input) {
    const text = cleanText(input.text);
    if (text === "")
      throw new TerminalError(`text${name ? ` of ${name}` : ""}: found nothing but blanks; expected some text`);
    return { text, format: "txt" };
  }
  const bytes = "file" in input ? await context.openFile(input.file) : await context.blobs.get(input.blob);
  return readFile(name ?? "document", bytes, signal);
}

import type { RunOptions, Tutti } from "../app.ts";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import { sendFiles } from "./document-files.ts";
import { UsageError } from "./failure.ts";

/** The task types whose inputs may name files. */
const READ_FILES = new Set(["document", "extract"]);

export interface SubmissionOptions extends RunOptions {
  /** The folder whose files the handlers open in place, if they run in this process. */
  readonly openedInPlace?: string;
}

/**
 * Submits a request with the files that it names. Resolves with the run's id; rejects with a UsageError for an unknown
 * type.
 */
export async function submit(app: Tutti, type: string, input: Json, options: SubmissionOptions): Promise<string> {
  const { openedInPlace, ...runOptions } = options;
  const transport = { putBlob: app.putBlob.bind(app), ...(openedInPlace !== undefined && { openedInPlace }) };
  const sent = READ_FILES.has(type) ? await sendFiles(input, transport) : input;
  try {
    return (await app.submit(type, sent, runOptions)).run;
  } catch (error) {
    if (!(error instanceof TuttiError) || error.code !== 404) throw error;
    const known = (await app.types()).map((one) => one.type).sort();
    const near = nearest(type, known);
    throw new UsageError(
      `unknown task type ${JSON.stringify(type)}${near ? `; did you mean ${near}?` : ""}`,
      {
        expected: known.length > 0 ? `one of ${known.join(", ")}` : "a registered type; none is registered yet",
        received: type,
      },
      [],
      { cause: error },
    );
  }
}

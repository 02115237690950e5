import { parentPort } from "node:worker_threads";
import { readPages } from "./pdf-text.ts";

/** The answer of the thread of `pdf-reader.ts` to the bytes of a file. */
export type PdfAnswer =
  | { readonly text: string; readonly pages: number }
  | { readonly error: { readonly name: string; readonly message: string } };

parentPort?.on("message", async (bytes: Uint8Array) => {
  const answer: PdfAnswer = await readPages(bytes).catch((error: Error) => ({
    error: { name: error.name, message: error.message },
  }));
  parentPort?.postMessage(answer);
});

import { fileURLToPath } from "node:url";
import { getDocument, type PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** pdf.js prints warnings to the console otherwise. */
const ERRORS_ONLY = 0;

/** A folder of data that comes with pdf.js, as a path that ends in a slash. */
const dataFolder = (name: string): string =>
  fileURLToPath(new URL(`../../${name}/`, import.meta.resolve("pdfjs-dist/legacy/build/pdf.mjs")));

/**
 * Opens a PDF for reading its text. The character maps of East Asia are needed for text whose fonts name a predefined
 * encoding only. Rejects with pdf.js's own errors for a file that is broken or protected by a password.
 */
export const openPdf = (data: Uint8Array): Promise<PDFDocumentProxy> =>
  getDocument({
    data,
    cMapUrl: dataFolder("cmaps"),
    cMapPacked: true,
    standardFontDataUrl: dataFolder("standard_fonts"),
    enableXfa: true,
    disableFontFace: true,
    stopAtErrors: false,
    verbosity: ERRORS_ONLY,
  }).promise;

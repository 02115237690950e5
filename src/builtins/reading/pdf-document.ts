import { fileURLToPath } from "node:url";
import { getDocument, type PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** The verbosity without warnings, which pdf.js prints to the console. */
const ERRORS_ONLY = 0;

/** A data folder of pdf.js, as a path that ends in a slash. */
const dataFolder = (name: string): string =>
  fileURLToPath(new URL(`../../${name}/`, import.meta.resolve("pdfjs-dist/legacy/build/pdf.mjs")));

/**
 * Opens a PDF to read its text. East Asian fonts that only name a predefined encoding need pdf.js's character maps.
 * Rejects with pdf.js's own errors for a file that is broken or protected by a password.
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

import type { Worker } from "node:worker_threads";
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { readPdf } from "../../../src/builtins/reading/pdf.ts";

const MEGABYTE = 2 ** 20;

/** A PDF of one page that shows nothing, and unpacks to so many megabytes of blanks. */
function bomb(megabytes: number): Uint8Array {
  const content = deflateSync(Buffer.alloc(megabytes * MEGABYTE, " "), { level: 9 });
  const stream = [Buffer.from(`<</Length ${content.length}/Filter/FlateDecode>>stream\n`), content, "\nendstream"];
  const objects = [
    ["<</Type/Catalog/Pages 2 0 R>>"],
    ["<</Type/Pages/Kids[3 0 R]/Count 1>>"],
    ["<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>"],
    stream,
  ];
  const parts = objects.flatMap((object, i) => [`${i + 1} 0 obj\n`, ...object, "\nendobj\n"]);
  return Buffer.concat(["%PDF-1.4\n", ...parts, "trailer<</Size 5/Root 1 0 R>>"].map((part) => Buffer.from(part)));
}

const never = new AbortController().signal;

/** Every thread that was started here. */
const threads: Worker[] = [];
process.on("worker", (thread) => threads.push(thread));

const readBlank = () => expect(readPdf("blank.pdf", bomb(1), never)).resolves.toEqual({ pictures: 1 });

test("a pdf that takes too much memory to unpack is refused, and its thread is gone", async () => {
  const file = bomb(300);
  expect(file.length).toBeLessThan(MEGABYTE);
  const before = process.memoryUsage().arrayBuffers;
  await expect(readPdf("bomb.pdf", file, never, 64 * MEGABYTE)).rejects.toMatchObject({
    name: "TerminalError",
    message: expect.stringMatching(/^bomb\.pdf: found a pdf that takes more than 64 MiB of memory to unpack/),
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MEGABYTE);
});

test("a pdf within bounds is read to its end, though it shows nothing", readBlank);

test("reading stops on a signal, in the midst of unpacking", async () => {
  const controller = new AbortController();
  const reading = readPdf("bomb.pdf", bomb(200), controller.signal, 4096 * MEGABYTE);
  setImmediate(() => controller.abort(new Error("told to stop")));
  await expect(reading).rejects.toThrow("told to stop");
});

test("a thread that ends while nobody reads with it is read with no more, and disturbs nobody", async () => {
  await readBlank();
  const alive = threads.filter(({ threadId }) => threadId > 0);
  expect(alive).not.toEqual([]);
  for (const thread of alive) thread.emit("error", new Error("out of the blue"));
  await Promise.all(alive.map((thread) => thread.terminate()));
  await readBlank();
});

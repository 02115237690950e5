/**
 * `node --import next-build.ts …`: runs the program as the next build, which writes `submitted` and task messages in a
 * version that today's does not read, and says that it reads the next version of the log. It is the same source with a few
 * of its lines replaced where modules are loaded. The product has no idea of this.
 */
import { registerHooks } from "node:module";

/** By file: a line as it is, and as the next build has it. */
const LINES: Readonly<Record<string, readonly (readonly [now: string, next: string])[]>> = {
  "core/version.ts": [
    ["  submitted: 2,", "  submitted: 3,"],
    ["  carried: 2,", "  carried: 3,"],
    ["  task: 1,", "  task: 2,"],
  ],
  "actors/gateway/submission.ts": [["    v: isOwnersType(type) ? 2 : 1,", "    v: 3,"]],
  "actors/dispatch/task-encoder.ts": [["      v: 1,", "      v: 2,"]],
};
const files = new Map(
  Object.entries(LINES).map(([file, lines]) => [new URL(`../../src/${file}`, import.meta.url).href, lines]),
);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const lines = files.get(url);
    if (!lines) return loaded;
    let text =
      typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source as Uint8Array);
    for (const [line, replaced] of lines) {
      if (!text.includes(`\n${line}\n`)) throw new Error(`${url} has no line ${line}`);
      text = text.replace(`\n${line}\n`, `\n${replaced}\n`);
    }
    return { ...loaded, source: text };
  },
});

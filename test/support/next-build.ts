/**
 * `node --import next-build.ts …`: runs the program as a build that writes and reads version 2 of everything that is
 * stored: the same source with one line of it replaced where modules are loaded. The product has no idea of this.
 */
import { registerHooks } from "node:module";

const FILE = new URL("../../src/core/event.ts", import.meta.url).href;
const LINE = "export const VERSION = 1;";

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url !== FILE) return loaded;
    const text =
      typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source as Uint8Array);
    if (!text.includes(LINE)) throw new Error(`src/core/event.ts has no line ${LINE}`);
    return { ...loaded, source: text.replace(LINE, "export const VERSION = 2;") };
  },
});

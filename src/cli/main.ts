#!/usr/bin/env node
import * as modules from "node:module";

const OLDEST = 24;
if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  console.error(`tutti: expected Node.js ${OLDEST} or later, received ${process.version}`);
  process.exit(1);
}
// The second start is about twice as fast: Node keeps what it has compiled (and stripped of its types) in the
// temporary folder. NODE_DISABLE_COMPILE_CACHE=1 turns that off. It works for what is loaded from here on only.
modules.enableCompileCache();
const { main } = await import("./program.ts");
await main(process.argv.slice(2));

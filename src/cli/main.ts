#!/usr/bin/env node
import * as modules from "node:module";

const OLDEST = 24;
if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  console.error(`tutti: expected Node.js ${OLDEST} or later, received ${process.version}`);
  process.exit(1);
}
// Makes later starts about twice as fast: Node keeps compiled (and type-stripped) modules in the temporary folder, for
// modules that are loaded from here on. NODE_DISABLE_COMPILE_CACHE=1 turns this off.
modules.enableCompileCache();
const { main } = await import("./program.ts");
await main(process.argv.slice(2));

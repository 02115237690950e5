#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// The second start is about twice as fast: Node keeps what it has compiled (and stripped of its types) in the
// temporary folder. NODE_DISABLE_COMPILE_CACHE=1 turns that off. It works for what is loaded from here on only.
enableCompileCache();
const { main } = await import("./program.ts");
await main(process.argv.slice(2));

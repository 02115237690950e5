/**
 * Writes every state machine as XState's JSON (which Stately imports) and as Mermaid into `docs/machines`, and the
 * task's chart into the README: `npm run machines`. A test compares them with the code.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { CHARTS } from "../src/machines/charts.ts";
import { toMermaid } from "../src/machines/mermaid.ts";

/** The files of `docs/machines`, by name. */
export function publishMachines(): Map<string, string> {
  const files = new Map<string, string>();
  for (const [name, machine] of Object.entries(CHARTS)) {
    files.set(`${name}.json`, `${JSON.stringify(machine.config, null, 2)}\n`);
    files.set(`${name}.mmd`, toMermaid(machine));
  }
  return files;
}

/** Replaces the task's chart in a page. */
export const withTaskChart = (page: string): string =>
  page.replace(/```mermaid\nstateDiagram-v2\n[\s\S]*?```/, `\`\`\`mermaid\n${toMermaid(CHARTS.task)}\`\`\``);

if (import.meta.main) {
  const folder = new URL("../docs/machines/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const files = publishMachines();
  for (const stale of readdirSync(folder)) if (!files.has(stale)) rmSync(new URL(stale, folder));
  for (const [name, text] of files) writeFileSync(new URL(name, folder), text);
  const readme = new URL("../README.md", import.meta.url);
  writeFileSync(readme, withTaskChart(readFileSync(readme, "utf8")));
  console.log(`docs/machines/: ${files.size} files; README.md`);
}

/**
 * Writes the index of decisions, `docs/decisions/README.md`: `npm run decisions`. A test compares it with the records.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../docs/decisions/", import.meta.url);

/** The content of the index: a line for each record, with its title and date. */
export function indexDecisions(): string {
  const rows = readdirSync(folder)
    .filter((file) => /^\d{4}-.*\.md$/.test(file))
    .sort()
    .map((file) => {
      const [title = "", , date = ""] = readFileSync(new URL(file, folder), "utf8").split("\n");
      const text = title.replace(/^# (\d+[.:] )?/, "");
      return `- ${file.slice(0, 4)} (${date}): [${text}](${file})`;
    });
  return `# Decisions\n\nWhat is not obvious from the code, why it is so, and what it costs. Newest last.\n\n${rows.join("\n")}\n`;
}

if (import.meta.main) writeFileSync(new URL("README.md", folder), indexDecisions());

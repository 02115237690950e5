import { printJson, printLines } from "./output.ts";

/** Prints one line when a process is ready for work, for the user or for the program that started it. */
export function announceReady(
  role: "orchestrator" | "worker",
  facts: { readonly bus: string; readonly types?: readonly string[] },
  options: { readonly json?: boolean },
): void {
  if (options.json) printJson({ ready: true, role, pid: process.pid, ...facts });
  else
    printLines([
      `${role} ready on ${facts.bus}${facts.types ? `, executes ${facts.types.join(", ")}` : ""} (pid ${process.pid})`,
    ]);
}

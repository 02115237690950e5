/**
 * Executes runs of mixed shapes on a real server for the given time: `npm run soak -- --minutes 60`. The memory of the
 * orchestrator, the worker and the client must not grow. Exits with 1 if it grows, or if a run ends unexpectedly.
 */
import { ROLES, soak, total } from "../test/soak/soak.ts";
import { readArguments } from "./arguments.ts";

const { values, count } = readArguments("usage: npm run soak -- [--minutes N] [--quiet]", {
  minutes: { type: "string", default: "60" },
  quiet: { type: "boolean", default: false },
});
const MB = 2 ** 20;
const { runs, trends } = await soak({
  minutes: count("minutes", values.minutes),
  ...(!values.quiet && { onLine: console.log }),
});
console.log(
  `\n${total(runs)} runs: ${Object.entries(runs)
    .map(([shape, number]) => `${number} ${shape}`)
    .join(", ")}`,
);
let grows = false;
for (const role of ROLES) {
  const { bytesPerHour, grewBy, mayGrowBy, isFlat } = trends[role];
  grows ||= !isFlat;
  console.log(
    `${role.padEnd(12)} ${isFlat ? "flat " : "GROWS"}  ${signed(bytesPerHour / MB)} MB/h: ${signed(grewBy / MB)} MB in the measured time, at most ${(mayGrowBy / MB).toFixed(1)} MB by scatter`,
  );
}
process.exit(grows ? 1 : 0);

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
}

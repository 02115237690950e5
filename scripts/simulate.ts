/**
 * Explores schedules in the simulator. Each schedule is determined by its seed.
 *
 *     npm run simulate -- --seeds 2000 --start 1          stops at the first violation, and says how to reproduce it
 *     npm run simulate -- --seeds 1 --start 71 --trace    prints every event
 *     npm run simulate -- --seeds 500 --faults crash,delay
 *     npm run simulate -- --mutations                     deliberate bugs, each of which must be found
 *
 * Exits with 1 when an invariant is violated, or when a mutation is not found.
 */
import { describeFigures, describeViolation, explore } from "../test/simulation/exploration.ts";
import { describeCatch, hunt } from "../test/simulation/hunt.ts";
import { MUTATIONS } from "../test/simulation/mutations.ts";
import { FAULTS, type Fault } from "../test/simulation/weather.ts";
import { simulate } from "../test/simulation/world.ts";
import { readArguments } from "./arguments.ts";

const USAGE = `usage: npm run simulate -- [--seeds N] [--start N] [--faults A,B] [--last N] [--trace]
       npm run simulate -- --mutations [--only WORDS]`;

const { values, refuse, count } = readArguments(USAGE, {
  seeds: { type: "string" },
  start: { type: "string", default: "1" },
  faults: { type: "string" },
  last: { type: "string", default: "60" },
  trace: { type: "boolean", default: false },
  mutations: { type: "boolean", default: false },
  only: { type: "string", default: "" },
});

const faults = values.faults?.split(",").map(checkedFault);
const isGood = values.mutations
  ? await huntAll(count("seeds", values.seeds ?? "400"))
  : await exploreAll(count("seeds", values.seeds ?? "200"));
process.exitCode = isGood ? 0 : 1;

async function exploreAll(seeds: number): Promise<boolean> {
  const start = count("start", values.start);
  if (values.trace) {
    const { violation } = await simulate(start, { ...(faults && { faults }), onLine: console.log });
    if (violation) console.log(`\nseed ${start} violates "${violation.invariant}": ${violation.message}`);
    return !violation;
  }
  const { found, figures } = await explore(start, seeds, { ...(faults && { faults }) });
  if (found) console.log(`${describeViolation(found, count("last", values.last), faults)}\n`);
  console.log(describeFigures(figures));
  return !found;
}

async function huntAll(seeds: number): Promise<boolean> {
  let missed = 0;
  for (const mutation of MUTATIONS.filter(({ name }) => name.includes(values.only))) {
    const caught = await hunt(mutation, seeds);
    if (caught.seed === undefined) missed++;
    console.log(describeCatch(caught));
  }
  return missed === 0;
}

function checkedFault(name: string): Fault {
  if (!(FAULTS as readonly string[]).includes(name))
    refuse(`--faults: expected some of ${FAULTS.join(",")}, received ${name}`);
  return name as Fault;
}

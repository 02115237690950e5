import { mostBytes } from "../../bus/sizes.ts";
import { messageOf } from "../../core/error.ts";
import type { Ended } from "../../core/event.ts";
import { encodeJson } from "../../core/json.ts";
import { outputOf, refsOf, soleOutput } from "../../fold/outputs.ts";
import type { RunState } from "../../fold/run-state.ts";
import { failureOf, totalsOf } from "../../fold/view.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";

type ConclusionHost = Pick<Runtime, "blobs" | "bus" | "clock" | "log" | "topology" | "trouble">;

/** The fraction of the log's age after which a blob is stored again for an end that refers to it. */
const OLD = 1 / 8;
/** Left for the other fields of `ended`, bytes. */
const ENVELOPE = 1024;

/**
 * What `ended` says of a run whose outcome is known. Trouble with the bus is waited out, as long as it is `wanted`
 * (else undefined): a run that has succeeded does not fail because its output could not be stored just now.
 */
export async function endedBody(
  runtime: ConclusionHost,
  run: RunState,
  wanted: () => boolean,
): Promise<Ended | undefined> {
  const status = run.snapshot.context.outcome!;
  const common = { v: 1, totals: totalsOf(run) } as const;
  if (status !== "succeeded") return { ...common, status, error: failureOf(run) };
  try {
    const output = await insist(runtime, () => runOutput(runtime, run), {
      work: OUTCOMES,
      name: () => `run ${run.run}`,
      wanted,
    });
    return output && { ...common, status, ...output };
  } catch (error) {
    const message = `the output cannot be put together: ${messageOf(error)}`;
    runtime.log("warn", `run ${run.run}: ${message}`);
    return { ...common, status: "failed", error: { code: 500, message, run: run.run } };
  }
}

const OUTCOMES = { one: "output of a run is not stored yet", many: "outputs of runs are not stored yet" };

async function runOutput(runtime: ConclusionHost, run: RunState): Promise<Pick<Ended, "output" | "outputRef">> {
  const { blobs, bus, clock, topology } = runtime;
  const { root } = run;
  const sole = soleOutput(root);
  if (sole && "ref" in sole) {
    if (clock.now() - run.submittedAt > OLD * topology.streams.log.maxAgeMs!) await blobs.refresh(sole.ref);
    return { outputRef: sole.ref };
  }
  const output = outputOf(root, await blobs.loadAll(refsOf(root)));
  const data = encodeJson(output);
  return data.length <= mostBytes(bus) - ENVELOPE ? { output } : { outputRef: await blobs.put(data) };
}

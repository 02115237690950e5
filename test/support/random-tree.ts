import fc from "fast-check";
import type { Json } from "../../src/core/json.ts";
import { childOf, ROOT } from "../../src/core/names.ts";
import { resolveInput } from "../../src/core/reference.ts";
import { outputOf } from "../../src/fold/outputs.ts";
import { failedTaskOf, isOver } from "../../src/fold/run-state.ts";
import { stateOf, type TaskRecord } from "../../src/fold/task-record.ts";
import { FoldedRun, noBlobs } from "./folded-run.ts";

/** How a task behaves, whatever attempt is asked. */
export interface Behaviour {
  /** Attempts that fail, retryably, before the one that counts. */
  readonly failures: number;
  readonly finally: "value" | "plan" | "terminal" | "refused";
  readonly children: readonly Child[];
  /** Which child gives the output; beyond their number: all of them. */
  readonly output: number;
}
interface Child {
  readonly behaviour: Behaviour;
  /** By how many places back a sibling stands that it needs, and whether its input refers to it. */
  readonly needs: readonly { readonly back: number; readonly refers: boolean }[];
}

/** Trees of up to a few dozen tasks, four levels deep. In faultless ones every first attempt succeeds. */
export function randomTree({ faultless, depth = 3 }: { faultless: boolean; depth?: number }): fc.Arbitrary<Behaviour> {
  const some = <T>(weight: number, value: T) => ({ weight, arbitrary: fc.constant(value) });
  const child = (): fc.Arbitrary<Child> =>
    fc.record({
      behaviour: randomTree({ faultless, depth: depth - 1 }),
      needs: fc.array(fc.record({ back: fc.integer({ min: 1, max: 5 }), refers: fc.boolean() }), { maxLength: 2 }),
    });
  return fc.record({
    failures: faultless ? fc.constant(0) : fc.oneof(some(12, 0), some(2, 1), some(1, 2), some(1, 3)),
    finally: faultless
      ? fc.constantFrom("value" as const, "plan" as const)
      : fc.oneof(
          some(20, "value" as const),
          some(20, "plan" as const),
          some(1, "terminal" as const),
          some(1, "refused" as const),
        ),
    children: depth === 0 ? fc.constant([]) : fc.array(child(), { maxLength: 5 }),
    output: fc.nat(7),
  });
}

const keyOf = (index: number) => `k${index}`;

/** A run of a random tree, in which workers, timers and troublemakers take their turns as `choices` say. */
export class RandomRun {
  readonly run: FoldedRun;
  readonly #behaviours = new Map<string, Behaviour>();
  /** What was on the queue at any time, as its worker's input was put together at that moment. */
  readonly inputs = new Map<string, Json>();
  readonly #told: unknown[] = [];

  constructor(tree: Behaviour, settings: { deadlineMs?: number } = {}) {
    this.run = new FoldedRun({ ...settings, policy: { retry: { attempts: 3, delay: 10 } } });
    this.#behaviours.set(ROOT, tree);
    this.#dispatch();
  }

  /** Takes one of the steps that are possible: answering what is queued, telling what is due, and then `ended`. */
  step(choice: number): boolean {
    const { run } = this;
    const { queued, armed } = run.effects;
    const open = [...queued].map((name) => () => this.#answer(name));
    const timers = [...armed.keys()]
      .filter((timer) => timer.startsWith("backoff"))
      .map((timer) => () => void run.passes(timer.split(" ")[1]!, "backoff"));
    const end = run.outcome !== undefined && !isOver(run.state) ? [() => void run.ends()] : [];
    const steps = [...open, ...timers, ...end];
    if (steps.length === 0) return false;
    steps[choice % steps.length]!();
    this.#dispatch();
    return true;
  }

  /** What has no business in the log, or comes at a bad time. */
  disturb(kind: number, choice: number): void {
    const { run } = this;
    const ids = [...run.state.tasks.keys()];
    const id = ids[choice % ids.length]!;
    const known = this.#told[choice % Math.max(1, this.#told.length)];
    [
      () => known && run.results(known),
      () => run.results({ task: id, attempt: 7, output: "forged" }),
      () => run.due(id, "backoff"),
      () => run.due(ROOT, "deadline"),
      () => run.results("nonsense", { task: "no/such/task", attempt: 1, output: 1 }),
      () => run.fails(id, { kind: "retryable" }, 9),
      // Mostly of the wrong task, or of a run that goes on.
      () => run.redrive(id),
      () => run.redrive(failedTaskOf(run.state)?.id ?? id),
    ][kind % 8]!();
    this.#dispatch();
  }

  cancel(): void {
    this.run.cancel();
  }

  finish(): void {
    for (let steps = 0; this.step(0); steps++) if (steps > 5000) throw new Error("the run does not come to its end");
  }

  #answer(name: string): void {
    const { run } = this;
    const [task, attempt] = name.split("@") as [string, string];
    const behaviour = this.#behaviours.get(task)!;
    const result = { task, attempt: Number(attempt), ...this.#outcome(task, Number(attempt), behaviour) };
    this.#told.push(result);
    run.results(result);
    if (!run.task(task).children) return;
    for (const [i, child] of behaviour.children.entries())
      this.#behaviours.set(childOf(task, keyOf(i)), child.behaviour);
  }

  #outcome(task: string, attempt: number, { failures, finally: outcome, children, output }: Behaviour): object {
    if (attempt <= failures) return { error: { kind: "retryable", message: `attempt ${attempt}` } };
    if (outcome === "value") return { output: { task, input: this.inputs.get(task)! } };
    if (outcome === "terminal") return { error: { kind: "terminal", message: "never" } };
    if (outcome === "refused") return { plan: { tasks: { a: { type: "t", needs: ["nobody"] } } } };
    const tasks = Object.fromEntries(children.map(({ needs }, i) => [keyOf(i), plannedBy(needs, i)]));
    return { plan: { tasks, ...(output < children.length && { output: keyOf(output) }) } };
  }

  /** Puts inputs together as a dispatcher does, when it does: what they need must be there. */
  #dispatch(): void {
    for (const name of this.run.effects.queued) {
      const task = this.run.task(name.split("@")[0]!);
      for (const need of task.needs)
        if (stateOf(need) !== "succeeded") throw new Error(`${task.id} is queued before ${need.id} has succeeded`);
      const sibling = (key: string) => outputOf(task.run.tasks.get(childOf(task.parent!.id, key))!, noBlobs);
      const needs = (task.spec.needs ?? []).map(sibling);
      this.inputs.set(task.id, [resolveInput(task.spec.input ?? {}, sibling), needs]);
    }
  }
}

function plannedBy(needs: Child["needs"], index: number): object {
  const known = needs.flatMap(({ back, refers }) => (back <= index ? [{ key: keyOf(index - back), refers }] : []));
  return {
    type: "t",
    input: known.filter(({ refers }) => refers).map(({ key }) => ({ $ref: key })),
    needs: [...new Set(known.filter(({ refers }) => !refers).map(({ key }) => key))],
  };
}

/** Whether somebody may still ask for a task's output, by the rules and without counting. */
export function isNeeded(task: TaskRecord): boolean {
  const { parent } = task;
  if (!parent) return true;
  // What has failed or was cancelled may be redriven, as long as the run is in memory.
  const waits = (task.dependents ?? []).some((one) => !one.children && stateOf(one) !== "succeeded");
  const named = parent.children!.output;
  return waits || ((named === undefined || named === task) && isNeeded(parent));
}

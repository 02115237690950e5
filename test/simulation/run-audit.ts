import { isDeepStrictEqual } from "node:util";
import type { Carried, CarriedEvent, Ended, RunEvent, Submitted } from "../../src/core/event.ts";
import { applyEvent, beginRun } from "../../src/fold/apply.ts";
import type { RunState } from "../../src/fold/run-state.ts";
import { attemptOf, stateOf } from "../../src/fold/task-record.ts";
import { type Expected, evaluate, mayFail } from "./oracle.ts";
import { ReferenceRun } from "./reference-log.ts";
import { Violation } from "./violation.ts";
import type { SimulatedRun, SimulatedType } from "./workload.ts";

/** Everything that a fold has come to, in a text. */
export function digestOf(run: RunState): string {
  const tasks = [...run.tasks.values()].map(
    (task) =>
      `${task.id}:${stateOf(task)}:${attemptOf(task)}:${task.missing}:${task.holders}:${task.dueAt}:${task.output ? 1 : 0}:${task.losses?.times ?? 0}:${task.deferral?.times ?? 0}`,
  );
  const { executions, succeeded, failed, cancelled, expired } = run;
  return [run.snapshot.value, executions, succeeded, failed, cancelled, expired, ...tasks].join(" ");
}

/** One run as its log tells it: folded anew from the first event on, and judged by a second, plain reading. */
export class RunAudit {
  readonly plan: SimulatedRun;
  expected: Expected;
  readonly #types: readonly SimulatedType[];
  /** Redrives that counted. */
  redrives = 0;
  /** The attempts that they found failed, as `task.attempt`. */
  readonly redriven = new Set<string>();
  /** All ends there were, in order: whoever asks may be told of one that was the last then. */
  readonly ends: Ended[] = [];
  reference: ReferenceRun | undefined;
  #fold: RunState | undefined;
  /** Of every prefix of the log. */
  readonly digests = new Set<string>();
  ended: { readonly body: Ended; readonly at: number } | undefined;
  /** Log time at which an attempt was closed, by `task@attempt`. */
  readonly closedAt = new Map<string, number>();
  /** Log time at which an attempt was ended without a result of its own. */
  readonly withdrawnAt = new Map<string, number>();
  submittedAt = 0;
  /** How often somebody began to carry it. */
  carried = 0;
  /** All that the log has ever had of it. */
  readonly #log: CarriedEvent[] = [];

  constructor(plan: SimulatedRun, types: readonly SimulatedType[]) {
    this.plan = plan;
    this.#types = types;
    this.expected = evaluate(plan.root, types);
  }

  /** The next event of the log. Throws a {@link Violation}. */
  take(event: RunEvent, shard: number): void {
    if (event.kind === "carried") return this.#checkCarried(event.body);
    if (event.kind === "submitted" && event.body.original) return this.#checkCopy(event.body);
    const { kind, sequence, at, body } = event;
    this.#log.push({ event: kind, sequence, at, body });
    if (event.kind === "submitted") {
      if (this.#fold) throw new Violation("submitted once", `run ${this.plan.run} was submitted twice`);
      this.submittedAt = event.at;
      this.reference = new ReferenceRun(event.body, event.at);
      this.#fold = beginRun({ tenant: "default", shard, run: this.plan.run }, event.body, event.at);
    } else {
      const { reference } = this;
      if (!reference || !this.#fold)
        throw new Violation("submitted first", `${event.kind} of ${this.plan.run} came before`);
      if (event.kind === "ended" && !this.ended) this.#takeEnded(event.body, event.at);
      if (reference.isRedrive(event)) this.#takeRedrive();
      const before = reference.closed.size;
      const digest = this.ended && event.kind !== "ended" ? digestOf(this.#fold) : undefined;
      const open = [...reference.tasks.values()].filter(({ state }) => state === "ready");
      reference.apply(event);
      applyEvent(this.#fold, event);
      if (digest !== undefined && digest !== digestOf(this.#fold))
        throw new Violation("finished", `run ${this.plan.run} was changed by ${event.kind} after its end`);
      for (const { id, attempt, state } of open)
        if (state === "cancelled") this.withdrawnAt.set(`${id}@${attempt}`, event.at);
      if (reference.closed.size > before)
        for (const [key, sequence] of reference.closed)
          if (sequence === event.sequence) this.closedAt.set(key, event.at);
    }
    this.#agree();
    this.digests.add(digestOf(this.#fold));
  }

  #checkCopy({ original, ...copy }: Submitted): void {
    const [first] = this.#log;
    const { sequence, at, body } = first ?? {};
    if (!isDeepStrictEqual(copy, body) || !isDeepStrictEqual(original, { sequence, at }))
      throw new Violation("carried", `the copy of ${this.plan.run}'s first event is none: ${JSON.stringify(copy)}`);
    this.carried++;
  }

  /** What is carried must be the log up to that place, whole and untouched. */
  #checkCarried({ upTo, events }: Carried): void {
    const until = this.#log.filter(({ sequence }) => sequence < upTo);
    const ofThese = (list: readonly CarriedEvent[]) => list.map(({ event, sequence, at }) => ({ event, sequence, at }));
    if (events && !isDeepStrictEqual(ofThese(events), ofThese(until)))
      throw new Violation(
        "carried",
        `run ${this.plan.run}: ${JSON.stringify(ofThese(events))}; expected ${JSON.stringify(ofThese(until))}`,
      );
  }

  /** The fold and the plain reading must come to the same after every event. */
  #agree(): void {
    const fold = this.#fold!;
    const reference = this.reference!;
    if (fold.tasks.size !== reference.tasks.size)
      throw new Violation("fold", `run ${fold.run}: ${fold.tasks.size} tasks, expected ${reference.tasks.size}`);
    for (const { id, state, attempt, due } of reference.tasks.values()) {
      const task = fold.tasks.get(id);
      const is = task && `${stateOf(task)}, attempt ${attemptOf(task)}`;
      const wanted = `${state}, attempt ${attempt}`;
      if (is !== wanted) throw new Violation("fold", `run ${fold.run}, task ${id}: ${is}; expected ${wanted}`);
      if (state !== "backingOff") continue;
      if (task!.dueAt < due.from || task!.dueAt > due.to)
        throw new Violation(
          "backoff",
          `run ${fold.run}, task ${id}: due at ${task!.dueAt}; expected ${due.from} to ${due.to}`,
        );
      reference.settleDue(id, task!.dueAt);
    }
    const totals = { succeeded: 0, failed: 0, cancelled: 0 };
    for (const { state } of reference.tasks.values()) if (state in totals) totals[state as keyof typeof totals]++;
    const { succeeded, failed, cancelled } = fold;
    if (!isDeepStrictEqual({ succeeded, failed, cancelled }, totals))
      throw new Violation(
        "counted once",
        `run ${fold.run}: ${JSON.stringify({ succeeded, failed, cancelled })}; expected ${JSON.stringify(totals)}`,
      );
  }

  /** From now on, whoever may fail at all may be the one that fails it. */
  #takeRedrive(): void {
    this.redrives++;
    const { id, attempt } = this.reference!.culprit!;
    this.redriven.add(`${id}.${attempt}`);
    this.ended = undefined;
    const { root } = this.plan;
    const healed = evaluate(root, this.#types, undefined, new Map(), true);
    this.expected = "failing" in healed ? { failing: new Set(mayFail(root, this.#types)) } : healed;
  }

  #takeEnded(body: Ended, at: number): void {
    this.ended = { body, at };
    this.ends.push(body);
    const reference = this.reference!;
    const { run, deadlineMs } = this.plan;
    const wrong = (expected: string) =>
      new Violation("result", `run ${run} ended with ${JSON.stringify(body).slice(0, 500)}; expected ${expected}`);
    if (!reference.isConcluded) throw wrong("that it goes on");
    if (body.status !== (reference.cancelled ? "cancelled" : reference.root.state)) throw wrong(reference.root.state);
    const counts = { tasks: reference.tasks.size, succeeded: 0, failed: 0, cancelled: 0 };
    for (const { state } of reference.tasks.values()) if (state in counts) counts[state as "succeeded"]++;
    const { executions: _, ...totals } = body.totals;
    if (!isDeepStrictEqual({ ...totals }, counts)) throw wrong(`the totals ${JSON.stringify(counts)}`);
    if (reference.cancelled) {
      if (body.error?.code !== 499) throw wrong("code 499");
    } else if (reference.expired) {
      if (body.error?.code !== 408 || at < this.submittedAt + deadlineMs!) throw wrong("code 408 after its deadline");
    } else {
      this.#compare(body, wrong);
    }
  }

  #compare(body: Ended, wrong: (expected: string) => Violation): void {
    const { expected } = this;
    // A run that is redriven may fail by the next task that is to fail, until it has succeeded.
    if (this.redrives > 0 && body.status === "failed") {
      if (!mayFail(this.plan.root, this.#types).includes(body.error?.task ?? "")) throw wrong("a task that may fail");
    } else if ("failing" in expected) {
      if (body.status !== "failed" || !expected.failing.has(body.error?.task ?? ""))
        throw wrong(`the failure of one of ${[...expected.failing].join(", ")}`);
    } else {
      const wanted = JSON.stringify(expected.value);
      if (body.status !== "succeeded" || body.totals.tasks !== expected.tasks)
        throw wrong(`${expected.tasks} tasks and ${wanted}`);
      if (body.outputRef === undefined && !isDeepStrictEqual(body.output, expected.value)) throw wrong(wanted);
    }
  }
}

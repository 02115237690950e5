import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QueueGate } from "../../../src/actors/dispatch/queue-gate.ts";
import type { Priority } from "../../../src/core/names.ts";
import type { TaskRecord } from "../../../src/fold/task-record.ts";
import { FoldedRun } from "../../support/folded-run.ts";

/** A gate, and the tasks behind it in the order in which they were let in. */
function open(most: number) {
  const behind: TaskRecord[] = [];
  const gate = new QueueGate(
    {
      add: (task) => void behind.push(task),
      remove(task) {
        while (behind.includes(task)) behind.splice(behind.indexOf(task), 1);
      },
      has: (task) => behind.includes(task),
    },
    most,
  );
  return { gate, behind, names: () => behind.map(nameOf) };
}

const nameOf = ({ run, id }: TaskRecord): string => `${run.run}/${id}`;

/** The tasks of a run that has so many children, all ready. */
function tasksOf(run: string, count: number, spec: { type?: string; priority?: Priority } = {}): TaskRecord[] {
  const folded = new FoldedRun({ run });
  const keys = Array.from({ length: count }, (_, i) => `t${i}`);
  folded.plans("-", Object.fromEntries(keys.map((key) => [key, { type: "step", ...spec }])));
  return keys.map((key) => folded.task(key));
}

describe("the gate of a queue", () => {
  it("lets tasks in, in order, up to its limit for one run: a quarter", () => {
    const { gate, names } = open(8);
    for (const task of tasksOf("a", 5)) gate.add(task);
    expect(names()).toEqual(["a/t0", "a/t1"]);
  });

  it("rounds a quarter up, so that every run may have one", () => {
    const { gate, names } = open(1);
    for (const task of tasksOf("a", 2)) gate.add(task);
    expect(names()).toEqual(["a/t0"]);
  });

  it("lets in as many as its limit, of however many runs", () => {
    const { gate, behind } = open(8);
    for (const run of ["a", "b", "c", "d", "e"]) for (const task of tasksOf(run, 3)) gate.add(task);
    expect(behind).toHaveLength(8);
    expect(new Set(behind.map(({ run }) => run.run))).toEqual(new Set(["a", "b", "c", "d"]));
  });

  it("lets the next in when one is removed", () => {
    const { gate, names } = open(4);
    const [first, ...rest] = tasksOf("a", 3);
    for (const task of [first!, ...rest]) gate.add(task);
    expect(gate.remove(first!)).toBe(true);
    expect(names()).toEqual(["a/t1"]);
  });

  it("lets runs take turns, whoever has more that waits", () => {
    const { gate, behind, names } = open(4);
    const holders = ["w", "x", "y", "z"].map((run) => tasksOf(run, 1)[0]!);
    for (const task of holders) gate.add(task);
    const [large, small] = [tasksOf("large", 5), tasksOf("small", 2)];
    for (const task of [...large, ...small]) gate.add(task);
    const order: string[] = [];
    while (behind.length > 0) {
      gate.remove(behind[0]!);
      order.push(...names().filter((name) => !order.includes(name) && /large|small/.test(name)));
    }
    expect(order).toEqual(["large/t0", "small/t0", "large/t1", "small/t1", "large/t2", "large/t3", "large/t4"]);
  });

  it("passes over a run that has used up its share, and comes back to it", () => {
    const { gate, names } = open(8);
    const [a, b] = [tasksOf("a", 4), tasksOf("b", 1)];
    for (const task of [...a, ...b]) gate.add(task);
    expect(names()).toEqual(["a/t0", "a/t1", "b/t0"]);
    gate.remove(b[0]!);
    expect(names()).toEqual(["a/t0", "a/t1"]);
    gate.remove(a[0]!);
    expect(names()).toEqual(["a/t1", "a/t2"]);
  });

  it("counts each type and each priority by itself", () => {
    const { gate, names } = open(4);
    const kinds = [{}, { type: "other" }, { priority: "high" as const }, { priority: "low" as const }];
    for (const [i, kind] of kinds.entries()) for (const task of tasksOf(`r${i}`, 2, kind)) gate.add(task);
    expect(names()).toEqual(["r0/t0", "r1/t0", "r2/t0", "r3/t0"]);
  });

  it("counts what it finds on the queue, without putting it there", () => {
    const { gate, names } = open(4);
    const [found, waiting] = tasksOf("a", 2);
    gate.found(found!);
    gate.found(found!);
    gate.add(waiting!);
    expect(names()).toEqual([]);
    gate.remove(found!);
    expect(names()).toEqual(["a/t1"]);
  });

  it("puts what is inside already on the queue again when it is added once more", () => {
    const { gate, names } = open(4);
    const [lost] = tasksOf("a", 1);
    gate.found(lost!);
    gate.add(lost!);
    expect(names()).toEqual(["a/t0"]);
  });

  it("takes a task that is added twice for one", () => {
    const { gate, names } = open(4);
    const [inside, waiting, next] = tasksOf("a", 3);
    for (const task of [inside!, waiting!, waiting!, next!]) gate.add(task);
    gate.remove(inside!);
    gate.remove(waiting!);
    expect(names()).toEqual(["a/t2"]);
  });

  it("forgets what is removed while it waits, and says that it was never let in", () => {
    const { gate, names } = open(4);
    const [inside, waiting, next] = tasksOf("a", 3);
    for (const task of [inside!, waiting!, next!]) gate.add(task);
    expect(gate.has(waiting!)).toBe(true);
    expect(gate.remove(waiting!)).toBe(false);
    expect(gate.has(waiting!)).toBe(false);
    gate.remove(inside!);
    expect(names()).toEqual(["a/t2"]);
  });

  it("removes what it does not know without a word", () => {
    const { gate } = open(4);
    expect(gate.remove(tasksOf("a", 1)[0]!)).toBe(false);
  });

  it("lets a task in again that was removed while it waited", () => {
    const { gate, names } = open(4);
    const [inside, again] = tasksOf("a", 2);
    for (const task of [inside!, again!]) gate.add(task);
    gate.remove(again!);
    gate.add(again!);
    gate.remove(inside!);
    expect(names()).toEqual(["a/t1"]);
  });

  it("never exceeds a limit, never stands idle, and loses nothing, whatever happens in whatever order", () => {
    const runs = ["a", "b", "c", "d", "e", "f"];
    const step = fc.record({ what: fc.constantFrom("add", "found", "remove"), task: fc.nat(29) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 150 }), (most, steps) => {
        const { gate, behind } = open(most);
        const tasks = runs.flatMap((run) => tasksOf(run, 5));
        const known = new Set<TaskRecord>();
        const found = new Set<TaskRecord>();
        for (const { what, task: index } of steps) {
          const task = tasks[index]!;
          const before = new Set([...behind, ...found]);
          if (what === "add") gate.add(task);
          else if (what === "remove") gate.remove(task);
          else if (!known.has(task)) gate.found(task);
          if (what === "found" && !known.has(task)) found.add(task);
          if (what === "remove") [found, known].map((set) => set.delete(task));
          else known.add(task);
          const inside = new Set([...behind, ...found]);
          const insideOf = (run: string) => [...inside].filter((one) => one.run.run === run).length;
          // What is found may exceed a limit; what is let in does not.
          for (const one of behind.filter((each) => !before.has(each))) {
            expect(inside.size).toBeLessThanOrEqual(most);
            expect(insideOf(one.run.run)).toBeLessThanOrEqual(Math.ceil(most / 4));
          }
          for (const one of known) {
            if (inside.has(one)) continue;
            expect(gate.has(one), `${nameOf(one)} waits`).toBe(true);
            const isFull = inside.size >= most || insideOf(one.run.run) >= Math.ceil(most / 4);
            expect(isFull, `${nameOf(one)} waits for a reason`).toBe(true);
          }
        }
      }),
    );
  });
});

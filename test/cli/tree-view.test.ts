import { describe, expect, it } from "vitest";
import type { WatchEvent } from "../../src/app.ts";
import { renderHeading } from "../../src/cli/heading.ts";
import { explainFailure } from "../../src/cli/root-cause.ts";
import { RunTree } from "../../src/cli/run-tree.ts";
import { plain } from "../../src/cli/style.ts";
import { renderTree } from "../../src/cli/tree-view.ts";
import { BEGIN, iso, runEvent, taskEvent } from "./made-up-run.ts";

const treeOf = (...events: WatchEvent[]): RunTree => {
  const tree = new RunTree();
  for (const event of events) tree.apply(event);
  return tree;
};
/** The lines on a window too narrow for bars, with the time right behind the task. */
const draw = (tree: RunTree, rows = 40, afterMs = 3000) =>
  renderTree(tree, rows, { paint: plain, now: BEGIN + afterMs, width: 75 }).map((line) =>
    line.replace(/ {2,}([\d.]+m?s)$/, "  $1"),
  );
const done = { startedAt: iso(0), endedAt: iso(1200) };

describe("a run's tree", () => {
  it("shows every task under the one that planned it, with its state and time", () => {
    const tree = treeOf(
      runEvent(),
      taskEvent("-", "expanded", { startedAt: iso(0) }),
      taskEvent("a", "expanded", { startedAt: iso(1000), type: "document" }),
      taskEvent("a/extract", "succeeded", { ...done, type: "extract" }),
      taskEvent("a/summarize", "running", { startedAt: iso(2500), type: "summarize" }),
      taskEvent("merge", "blocked", { type: "merge" }),
    );
    expect(draw(tree)).toEqual([
      "▾ digest  0/2  3.0s",
      "├─ ▾ a (document)  1/2  2.0s",
      "│  ├─ ✔ extract  1.2s",
      "│  └─ ▸ summarize  500ms",
      "└─ · merge  waiting",
    ]);
  });

  it("takes children that are told of before their parent", () => {
    const tree = treeOf(
      taskEvent("a/b/c", "queued"),
      taskEvent("a", "expanded", { type: "document" }),
      taskEvent("-", "expanded"),
    );
    expect(draw(tree)).toEqual([
      "▾ digest  0/1",
      "└─ ▾ a (document)  0/1",
      "   └─ ▾ b (task)  0/1",
      "      └─ ◌ c (translate)  queued",
    ]);
  });

  it("says which attempt it is and why the last one failed", () => {
    const tree = treeOf(
      taskEvent("-", "backingOff", {
        attempt: 2,
        maxAttempts: 3,
        dueAt: iso(5500),
        startedAt: iso(0),
        error: { kind: "retryable", message: "no answer\nfrom there" },
      }),
    );
    expect(draw(tree)).toEqual(["↻ digest  attempt 3/3 in 3s · last: no answer from there  3.0s"]);
  });

  it("names the workers that were lost with a task, and says when one does not answer", () => {
    const lost = { times: 7, workers: ["w7", "w6"] };
    const tree = treeOf(taskEvent("-", "queued", { attempt: 8, lost }));
    expect(draw(tree)).toEqual(["◌ digest  queued  attempt 8 · lost 7 workers (w7, w6, …)"]);
    const silent = treeOf(taskEvent("-", "queued", { lost: { times: 1, workers: ["w1"], silent: true } }));
    expect(draw(silent)).toEqual(["◌ digest  queued  lost its worker w1, which does not answer"]);
  });

  it("says who has marked a task", () => {
    const marked = { at: iso(100), by: "ada" };
    const error = { kind: "terminal", name: "marked", message: "the supplier is gone" };
    const tree = treeOf(
      runEvent(),
      taskEvent("-", "expanded"),
      taskEvent("a", "succeeded", { type: "a", marked }),
      taskEvent("b", "failed", { type: "b", marked, error }),
    );
    expect(draw(tree).slice(1).join("\n")).toMatch(
      /a {2}marked by ada[\s\S]*b {2}marked by ada · the supplier is gone/,
    );
  });

  it("says until when an attempt was deferred, and why", () => {
    const deferred = { times: 2, why: "the limit is reached" };
    const tree = treeOf(taskEvent("-", "backingOff", { attempt: 2, dueAt: iso(5500), deferred }));
    const clock = new Date(iso(5500)).toTimeString().slice(0, 8);
    expect(draw(tree)).toEqual([`↻ digest  deferred until ${clock} (3s): the limit is reached`]);
  });

  it("says at the root why the run ended, where no task of it has failed", () => {
    const error = { code: 408 as const, message: "the run did not end within its deadline of 2000 ms" };
    const tree = treeOf(
      taskEvent("-", "failed", { ...done, error: { kind: "retryable", message: "what the attempt before met" } }),
      taskEvent("a", "cancelled", { error: { kind: "retryable", message: "busy" } }),
      runEvent({ status: "failed", endedAt: iso(2000), error }),
    );
    expect(draw(tree)).toEqual([
      "✖ digest  1/1  the run did not end within its deadline of 2000 ms  1.2s",
      "└─ ⊘ a (translate)  cancelled",
    ]);
  });

  it("keeps control characters of messages away from the terminal", () => {
    const error = { kind: "terminal", message: "\x1b[2Jgone\u0007" };
    expect(draw(treeOf(taskEvent("-", "failed", { ...done, error })))).toEqual(["✖ digest  [2Jgone  1.2s"]);
  });

  it("shows progress until the task ends", () => {
    const live: WatchEvent = { kind: "live", live: "progress", task: "-", attempt: 1, at: iso(0), data: 0.42 };
    const tree = treeOf(taskEvent("-", "running", { startedAt: iso(0) }), live);
    expect(draw(tree)).toEqual(["▸ digest  42%  3.0s"]);
    tree.apply({ ...live, data: { message: "reading page 3" } });
    expect(draw(tree)).toEqual(["▸ digest  reading page 3  3.0s"]);
    tree.apply(taskEvent("-", "succeeded", done));
    expect(draw(tree)).toEqual(["✔ digest  1.2s"]);
  });

  it("believes the log rather than a live message that comes late", () => {
    const tree = treeOf(taskEvent("-", "succeeded", done), {
      kind: "live",
      live: "started",
      task: "-",
      attempt: 1,
      at: iso(1),
    });
    expect(draw(tree)).toEqual(["✔ digest  1.2s"]);
  });

  it("never shows a negative time, however clocks differ", () => {
    expect(draw(treeOf(taskEvent("-", "running", { startedAt: iso(9000) })))).toEqual(["▸ digest  0ms"]);
  });
});

describe("a failure in the tree", () => {
  const error = { kind: "retryable", message: "no such page" };
  const tree = treeOf(
    runEvent({
      status: "failed",
      endedAt: iso(2000),
      error: { code: 422, message: "task a failed: no such page", task: "a" },
    }),
    taskEvent("-", "failed", { ...done, error }),
    taskEvent("a", "failed", { ...done, attempt: 3, maxAttempts: 3, error }),
    taskEvent("b", "cancelled"),
  );

  it("is explained where it happened, and named by what it took with it", () => {
    expect(draw(tree)).toEqual([
      "✖ digest  2/2  a failed  1.2s",
      "├─ ✖ a (translate)  attempt 3/3 · no such page  1.2s",
      "└─ ⊘ b (translate)  cancelled · a failed",
    ]);
  });

  it("ends with the task, its attempt, what it stopped, and the commands that help", () => {
    expect(explainFailure(tree, (words) => `tutti ${words}`)).toEqual([
      ["failed", "a (translate), attempt 3 of 3"],
      ["error", "no such page"],
      ["stopped", "b (translate) cancelled"],
      ["next", "tutti dead show r1  (its input)\ntutti dead redrive r1  (try it again)"],
    ]);
  });
});

describe("the times of a tree", () => {
  const tree = treeOf(
    runEvent(),
    taskEvent("-", "expanded", { startedAt: iso(0) }),
    taskEvent("a", "succeeded", { startedAt: iso(0), endedAt: iso(1000), type: "a" }),
    taskEvent("b", "running", { openedAt: iso(1000), startedAt: iso(2000), type: "b" }),
    taskEvent("c", "queued", { openedAt: iso(3000), type: "c" }),
  );
  const lines = (width: number) => renderTree(tree, 40, { paint: plain, now: BEGIN + 4000, width });

  it("stand in one column, beside bars that are dotted while a task waits and full while it is at work", () => {
    expect(lines(76)).toEqual([
      "▾ digest  1/3                                         4.0s  ━━━━━━━━━━━━━━━━",
      "├─ ✔ a                                                1.0s  ━━━━",
      "├─ ▸ b                                                2.0s      ┈┈┈┈━━━━━━━━",
      "└─ ◌ c  queued                                                          ┈┈┈┈",
    ]);
  });

  it("take no more columns than the window has", () => {
    for (const width of [20, 40, 75, 76, 80, 100, 200])
      expect(Math.max(...lines(width).map((line) => line.length))).toBeLessThanOrEqual(width);
  });
});

describe("a tree with more tasks than lines", () => {
  const wide = (states: (i: number) => Parameters<typeof taskEvent>[1], count: number): RunTree =>
    treeOf(
      taskEvent("-", "expanded"),
      ...Array.from({ length: count }, (_, i) => taskEvent(`part-${i}`, states(i), done)),
    );

  it("shows what is going on and what failed, and counts the rest", () => {
    const tree = wide(
      (i) => (i === 7000 ? "failed" : i > 9996 ? "running" : i > 9950 ? "queued" : "succeeded"),
      10_000,
    );
    expect(draw(tree, 7)).toEqual([
      "▾ digest  9,951/10,000",
      "├─ ✖ part-7000 (translate)  1.2s",
      "├─ ◌ part-9951 (translate)  queued",
      "├─ ▸ part-9997 (translate)  1.2s",
      "├─ ▸ part-9998 (translate)  1.2s",
      "├─ ▸ part-9999 (translate)  1.2s",
      "└─ … 9,950 more succeeded, 45 queued",
    ]);
  });

  it("fits any number of lines", () => {
    const events = [taskEvent("-", "expanded")];
    for (let i = 0; i < 30; i++) {
      events.push(taskEvent(`doc-${i}`, i < 10 ? "succeeded" : "expanded"));
      for (let j = 0; j < 6; j++) events.push(taskEvent(`doc-${i}/step-${j}`, i < 10 ? "succeeded" : "queued"));
    }
    const tree = treeOf(...events);
    const sizes = Array.from({ length: 215 }, (_, i) => draw(tree, i + 1).length);
    expect(sizes.every((size, i) => size >= 1 && size <= i + 1)).toBe(true);
    expect(sizes.at(-1)).toBe(211);
  });

  it("gives lines to what is under open tasks before it shows waiting and finished ones", () => {
    const events = [
      taskEvent("-", "expanded"),
      taskEvent("open", "expanded"),
      taskEvent("open/step", "running", { startedAt: iso(0) }),
    ];
    for (let i = 0; i < 100; i++) events.push(taskEvent(`part-${i}`, "queued"));
    expect(draw(treeOf(...events), 4)).toEqual([
      "▾ digest  0/101",
      "├─ ▾ open (translate)  0/1",
      "│  └─ ▸ step (translate)  3.0s",
      "└─ … 100 more queued",
    ]);
  });

  it("draws 10,000 tasks in a few milliseconds", () => {
    const tree = wide((i) => (i % 3 === 0 ? "succeeded" : "queued"), 10_000);
    draw(tree, 30);
    const began = performance.now();
    for (let i = 0; i < 10; i++) draw(tree, 30);
    // Ten frames are one second of a live tree; a tenth of a core would already be too much.
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("the heading", () => {
  it("says what runs, how it stands and how far it is", () => {
    const tree = treeOf(runEvent(), taskEvent("-", "expanded"), taskEvent("a", "succeeded"), taskEvent("b", "queued"));
    expect(renderHeading(tree, { paint: plain, now: BEGIN + 61_000 })).toBe(
      "digest  r1  running  1m 1s  1/3 tasks · 1 queued",
    );
  });

  it("stops its clock when the run has ended", () => {
    const totals = { tasks: 1, succeeded: 1, failed: 0, cancelled: 0, executions: 4 };
    const tree = treeOf(taskEvent("-", "succeeded"), runEvent({ status: "succeeded", endedAt: iso(2000), totals }));
    expect(renderHeading(tree, { paint: plain, now: BEGIN + 9000 })).toBe(
      "digest  r1  succeeded  2.0s  1 task succeeded, 4 executions",
    );
  });

  it("says what became of the tasks of a run that has ended", () => {
    const tree = treeOf(
      taskEvent("-", "failed"),
      taskEvent("a", "succeeded"),
      taskEvent("b", "failed"),
      taskEvent("c", "cancelled"),
      runEvent({ status: "failed", endedAt: iso(2000) }),
    );
    expect(renderHeading(tree, { paint: plain, now: BEGIN })).toBe(
      "digest  r1  failed  2.0s  1 succeeded, 2 failed, 1 cancelled of 4 tasks",
    );
  });
});

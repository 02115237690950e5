import type { WireError } from "../core/error.ts";
import { parentOf, ROOT } from "../core/names.ts";
import { errorFacts } from "./error-facts.ts";
import type { Fact } from "./facts.ts";
import type { RunTree, TaskNode } from "./run-tree.ts";
import { manyLines, oneLine, plain } from "./style.ts";
import { formatCount, titleOf } from "./task-line.ts";

const MOST_NAMED = 5;

/**
 * Explains why a run did not succeed: the failed task with its type, attempt and worker, its error, and the tasks that
 * were cancelled because of it. `command` creates a command line to be copied; it is absent when the run cannot be
 * queried later.
 */
export function explainFailure(tree: RunTree, command?: (words: string) => string): Fact[] {
  const { run } = tree;
  if (!run?.error) return [];
  const facts: Fact[] = [];
  const node = run.error.task === undefined ? undefined : tree.find(run.error.task);
  if (node) facts.push(["failed", describeAttempt(node)]);
  facts.push(["error", manyLines(node?.view.error?.message ?? run.error.message)]);
  facts.push(...errorFacts(run.error).map(([label, text]): Fact => [label, manyLines(text)]));
  const stopped = stoppedBy(tree, node);
  if (stopped) facts.push(["stopped", stopped]);
  facts.push(...aftermathFacts(run.error));
  if (command) facts.push(["next", nextSteps(run.run, run.error, command).join("\n")]);
  return facts;
}

function describeAttempt({ view }: TaskNode): string {
  const of = view.maxAttempts === undefined ? "" : ` of ${view.maxAttempts}`;
  const title = view.task === ROOT ? view.type : `${view.task} (${view.type})`;
  return `${title}, attempt ${view.attempt}${of}${view.worker ? `, on worker ${view.worker}` : ""}`;
}

/** Names the cancelled tasks, without those below another cancelled one. */
function stoppedBy(tree: RunTree, culprit: TaskNode | undefined): string | undefined {
  const topmost = tree.all().filter((node) => isCancelled(node) && !(node.parent && isCancelled(node.parent)));
  if (topmost.length === 0) return undefined;
  const named = topmost.slice(0, MOST_NAMED).map((node) => nameWithin(node, culprit));
  const more = topmost.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${formatCount(more)} more` : ""} cancelled`;
}

const isCancelled = ({ view }: TaskNode): boolean => view.state === "cancelled";

/** The name of a task: its key for a sibling of the failed task, else its whole path. */
const nameWithin = ({ view }: TaskNode, culprit: TaskNode | undefined): string =>
  culprit && view.task !== ROOT && parentOf(view.task) === parentOf(culprit.view.task)
    ? titleOf(view, plain)
    : view.task;

function aftermathFacts({ undone, notUndone, notTidied, unnamed }: WireError): Fact[] {
  const facts: Fact[] = [];
  const withReasons = (all: NonNullable<WireError["notUndone"]>) =>
    all.map(({ task, message }) => `${task}: ${oneLine(message)}`).join("\n");
  if (undone) facts.push(["undone", undone.join(", ")]);
  if (notUndone) facts.push(["remains", withReasons(notUndone)]);
  if (notTidied) facts.push(["untidied", withReasons(notTidied)]);
  if (unnamed) facts.push(["and", `${formatCount(unnamed)} more tasks that were stopped or undone`]);
  return facts;
}

function nextSteps(run: string, { code, undone, notUndone }: WireError, command: (words: string) => string): string[] {
  // What was undone cannot be tried again.
  if (code !== 422 || undone || notUndone) return [`${command(`log ${run}`)}  (its events)`];
  return [`${command(`dead show ${run}`)}  (its input)`, `${command(`dead redrive ${run}`)}  (try it again)`];
}

import type { RunMoment, RunStep } from "../core/run-step.ts";
import { CHARTS } from "../machines/charts.ts";
import { type OutlineLine, outlineOf } from "../machines/outline.ts";
import { UsageError } from "./failure.ts";
import { renderStep } from "./step-line.ts";
import type { Paint } from "./style.ts";

/**
 * The chart of a task as it stood, as text: the state that it was in is lit, with the events that it could take, and the
 * path that had led there. Throws a {@link UsageError} for a task that was not there.
 */
export function renderTaskChart(
  { step, view }: RunMoment,
  steps: readonly RunStep[],
  task: string,
  paint: Paint,
): string[] {
  const found = view.tasks.find((one) => one.task === task);
  if (!found)
    throw new UsageError(`there was no task ${task} at event ${step.sequence}`, {
      expected: "the path of a task, as the tree shows it (- for the root)",
      received: task,
    });
  const path = steps
    .filter(({ sequence }) => sequence <= step.sequence)
    .flatMap((one) => {
      const tasks = one.tasks.filter((taken) => taken.task === task);
      return tasks.length > 0 ? renderStep({ ...one, tasks, run: [] }, view.submittedAt, paint) : [];
    });
  return [
    `${paint("bold", task)}  ${found.type}, attempt ${found.attempt}, ${paint("bold", found.state)} at event ${step.sequence}`,
    "",
    ...light(outlineOf(CHARTS.task), found.state, paint),
    "",
    paint("dim", "its path so far"),
    ...path,
  ];
}

/** The states of the chart, the others dimmed to their names. */
function light(lines: readonly OutlineLine[], state: string, paint: Paint): string[] {
  let isLit = false;
  return lines.flatMap(({ kind, text, depth }) => {
    if (kind === "chart") return [];
    if (kind === "state") isLit = text.split(" ")[0] === state;
    if (isLit)
      return [`${kind === "state" ? paint("green", "▶ ") : "    "}${kind === "state" ? paint("bold", text) : text}`];
    return kind === "state" ? [paint("dim", `${" ".repeat(2 * depth)}${text}`)] : [];
  });
}

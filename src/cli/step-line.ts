import { formatDuration } from "../core/duration.ts";
import { ROOT } from "../core/names.ts";
import type { RunStep, TaskStep } from "../core/run-step.ts";
import type { TaskViewState } from "../core/run-view.ts";
import { oneLine, type Paint, type Style } from "./style.ts";
import { APPEARANCE } from "./task-line.ts";

/** What an event of a run's log changed, as lines: the event, then each machine that took a step, and why. */
export function renderStep(step: RunStep, begunAt: string, paint: Paint): string[] {
  const after = formatDuration(Math.max(0, Date.parse(step.at) - Date.parse(begunAt)));
  const head = `${paint("dim", String(step.sequence).padStart(6))}  ${paint("dim", `+${after}`.padEnd(8))}  ${paint("bold", oneLine(step.event))}`;
  const nothing = step.tasks.length === 0 && step.run.length === 0 ? paint("dim", "  changed nothing") : "";
  return [
    `${head}${nothing}`,
    ...step.tasks.map((one) => `${INDENT}${renderTaskStep(one, paint)}`),
    ...step.run.map(
      ({ on, from, to }) => `${INDENT}${paint("bold", "run")}  ${arrow(from, to, paint)}  ${paint("dim", on)}`,
    ),
  ];
}
const INDENT = " ".repeat(18);

/** `part-3  ready → failed  attemptFailed: it broke`, `merge  blocked → cancelled  cancel, because of part-3` */
export function renderTaskStep(
  { task, type, on, from, to, attempt, because, error, grown }: TaskStep,
  paint: Paint,
): string {
  const name = task === ROOT ? type : task;
  const times = attempt > 1 ? paint("dim", ` (attempt ${attempt})`) : "";
  const why = [
    on,
    because === undefined ? undefined : `because of ${because === ROOT ? "the root" : because}`,
    grown === undefined ? undefined : `${grown} children`,
  ].filter((part) => part !== undefined);
  const message = error === undefined ? "" : `: ${oneLine(error)}`;
  return `${name}${times}  ${from === to ? paint("dim", to) : arrow(from, to, paint)}  ${paint("dim", `${why.join(", ")}${message}`)}`;
}

const arrow = (from: string, to: string, paint: Paint): string => `${paint("dim", from)} → ${paint(styleOf(to), to)}`;

/** Of a state that has no appearance of its own, none. */
const styleOf = (state: string): Style => APPEARANCE[state as TaskViewState]?.style ?? "bold";

import type { RunMoment } from "../core/run-step.ts";
import { renderHeading } from "./heading.ts";
import { formatMoment } from "./output.ts";
import { RunTree } from "./run-tree.ts";
import { renderStep } from "./step-line.ts";
import type { Paint } from "./style.ts";
import { renderTree } from "./tree-view.ts";

export interface MomentOptions {
  readonly paint: Paint;
  readonly width: number;
  /** Lines that the tree may have. */
  readonly rows: number;
  /** Lines that what has just changed may have; what is more is counted. Default: no limit. */
  readonly mostChanges?: number;
}

/** A run as it stood: its heading, its tree, and what the last event had changed. */
export function renderMoment({ step, view }: RunMoment, { paint, width, rows, mostChanges }: MomentOptions): string[] {
  const tree = RunTree.of(view);
  const lineOptions = { paint, now: Date.parse(step.at), width };
  const changes = renderStep(step, view.submittedAt, paint);
  const shown = changes.slice(0, mostChanges);
  const more = changes.length - shown.length;
  return [
    renderHeading(tree, lineOptions),
    ...renderTree(tree, rows, lineOptions),
    "",
    paint("dim", `as of event ${step.sequence}, ${formatMoment(step.at)}; it changed`),
    ...shown,
    ...(more > 0 ? [paint("dim", `… and ${more} more`)] : []),
  ];
}

import type { WatchEvent } from "../app.ts";
import { renderChange } from "./change-line.ts";
import { foldText } from "./fold-text.ts";
import { renderHeading } from "./heading.ts";
import { Pace } from "./pace.ts";
import { RunTree } from "./run-tree.ts";
import { Screen } from "./screen.ts";
import { type Paint, paintFor } from "./style.ts";
import { renderTree } from "./tree-view.ts";

/** Shows the progress of one run. Disposing it twice is harmless. */
export interface Display extends Disposable {
  show(event: WatchEvent): void;
  /** Prints a line that stays. */
  note(line: string): void;
}

const FRAME_MS = 100;

/** Redraws a tree in place that fits the window, with spinners. The last frame stays. */
function liveDisplay(out: NodeJS.WriteStream, paint: Paint): Display {
  const tree = new RunTree();
  const screen = new Screen(out);
  const pace = new Pace();
  let frame = 0;
  const draw = (spinning: boolean) => {
    if (!tree.run) return;
    const options = { paint, now: Date.now(), width: screen.width, ...(spinning && { frame: frame++ }) };
    const heading = renderHeading(tree, options, pace.describe(tree.counts, options.now));
    screen.draw([heading, ...renderTree(tree, screen.rows - 1, options)]);
  };
  const timer = setInterval(() => draw(true), FRAME_MS);
  const redraw = () => draw(true);
  out.on("resize", redraw);
  let disposed = false;
  return {
    show: (event) => void tree.apply(event),
    note: (line) => foldText(line, screen.width, "  ").forEach((one) => void screen.print(one)),
    [Symbol.dispose]() {
      if (disposed) return;
      disposed = true;
      clearInterval(timer);
      out.off("resize", redraw);
      draw(false);
      screen[Symbol.dispose]();
    },
  };
}

/** Prints a line for each change, for logs and pipes. */
function lineDisplay(out: NodeJS.WriteStream, paint: Paint): Display {
  const tree = new RunTree();
  return {
    show(event) {
      const line = renderChange(event, tree.run, tree.apply(event), paint);
      if (line) out.write(`${line}\n`);
    },
    note: (line) => void out.write(`${line}\n`),
    [Symbol.dispose]() {},
  };
}

/** Creates the display for a stream: a live tree on a terminal, else plain lines. */
export function createDisplay(out: NodeJS.WriteStream): Display {
  const paint = paintFor(out);
  // A dumb terminal cannot move its cursor.
  return out.isTTY && process.env.TERM !== "dumb" ? liveDisplay(out, paint) : lineDisplay(out, paint);
}

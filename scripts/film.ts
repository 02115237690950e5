import { stripVTControlCharacters } from "node:util";

/** The content of a terminal from a time on: text with ANSI colours. */
export interface Frame {
  /** The time in milliseconds. */
  readonly at: number;
  readonly screen: string;
}

const CHARACTER = { width: 8.4, height: 18 };
const MARGIN = 14;
const LAST_FRAME_MS = 4000;

/** The colours of a terminal with a dark background, by their ANSI numbers. */
const COLOURS: Readonly<Record<string, string>> = {
  "31": "#f47067",
  "32": "#57ab5a",
  "33": "#c69026",
  "34": "#539bf5",
  "35": "#b083f0",
  "36": "#39c5cf",
};
const TEXT = "#cdd9e5";
const DIM = "#768390";
const GROUND = "#1c2128";

/** Renders frames as one SVG that plays in a loop with CSS only: each frame is visible in its own part of the time. */
export function renderFilm(frames: readonly Frame[], { columns, rows }: { columns: number; rows: number }): string {
  const begin = frames[0]!.at;
  const total = frames.at(-1)!.at - begin + LAST_FRAME_MS;
  const width = Math.ceil(columns * CHARACTER.width + 2 * MARGIN);
  const height = rows * CHARACTER.height + 2 * MARGIN;
  const percent = (at: number): string => (((at - begin) / total) * 100).toFixed(2);
  const styles = frames.map((frame, i) => {
    const to = frames[i + 1]?.at ?? begin + total;
    const [on, off] = [percent(frame.at), percent(to)];
    const before = i === 0 ? "" : `0%{visibility:hidden}${on}%{visibility:visible}`;
    const after =
      i === frames.length - 1 ? "100%{visibility:visible}" : `${off}%{visibility:hidden}100%{visibility:hidden}`;
    return `@keyframes f${i}{${i === 0 ? "0%{visibility:visible}" : before}${after}}.f${i}{animation:f${i} ${total / 1000}s step-end infinite}`;
  });
  const bodies = frames.map(({ screen }, i) => `<g class="f f${i}">${renderScreen(screen)}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    "<title>A run on NATS continues although one of its two workers is killed</title>",
    `<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:${TEXT}}.f{visibility:hidden}${styles.join("")}</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${GROUND}"/>`,
    ...bodies,
    "</svg>",
    "",
  ].join("\n");
}

function renderScreen(screen: string): string {
  return screen
    .trimEnd()
    .split("\n")
    .map((line, row) => {
      const y = MARGIN + (row + 0.75) * CHARACTER.height;
      if (line === "") return "";
      // Keeps the columns in place in any font.
      const length = [...stripVTControlCharacters(line)].length * CHARACTER.width;
      return `<text x="${MARGIN}" y="${y}" textLength="${length}" xml:space="preserve">${renderLine(line)}</text>`;
    })
    .join("");
}

function renderLine(line: string): string {
  let style = "";
  return line
    .split(/(\p{Cc}\[[0-9;]*m)/u)
    .map((part, i) => {
      if (i % 2 === 1) {
        style = nextStyle(style, part.slice(2, -1).split(";"));
        return "";
      }
      return part === "" ? "" : `<tspan${style}>${escapeXml(part)}</tspan>`;
    })
    .join("");
}

function nextStyle(style: string, codes: readonly string[]): string {
  return codes.reduce((current, code) => {
    if (COLOURS[code]) return ` fill="${COLOURS[code]}"`;
    if (code === "1") return ' font-weight="bold"';
    if (code === "2") return ` fill="${DIM}"`;
    return code === "0" || code === "" || code === "22" || code === "39" ? "" : current;
  }, style);
}

const escapeXml = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

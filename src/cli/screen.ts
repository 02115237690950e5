import { stripVTControlCharacters } from "node:util";
import { cutTo } from "./style.ts";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
// Lines are cut by their number of characters. Since some characters are two columns wide, the terminal cuts the rest.
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";
// Lines are erased one by one: some terminals move a screen that is erased as a whole into their history.
const ERASE_LINE = "\x1b[2K";
const ERASE_REST = "\x1b[K";
const ERASE_BELOW = "\x1b[0J";

/** The part of a terminal below the last ordinary line, which is redrawn in place. */
export class Screen implements Disposable {
  readonly #out: NodeJS.WriteStream;
  #drawn: readonly string[] = [];
  #columns = 0;
  #hidden = false;
  readonly #restore = () => void this.#out.write(SHOW_CURSOR);

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** The number of lines that a frame may have. */
  get rows(): number {
    // A terminal that does not know its size reports 0.
    return Math.max(2, (this.#out.rows || 24) - 1);
  }

  /** The number of columns that a line may have. */
  get width(): number {
    return this.#out.columns || 80;
  }

  /** Replaces what was drawn before. */
  draw(lines: readonly string[]): void {
    if (!this.#hidden) {
      this.#hidden = true;
      this.#out.write(HIDE_CURSOR);
      // The cursor is restored however the process ends.
      process.once("exit", this.#restore);
    }
    const rewind = this.#rewind();
    this.#columns = this.width;
    this.#drawn = lines.map((line) => cutTo(line, this.#columns));
    const text = this.#drawn.map((line) => `${ERASE_LINE}${line}\n`).join("");
    this.#out.write(`${rewind}${WRAP_OFF}${text}${WRAP_ON}${ERASE_BELOW}`);
  }

  /** Prints an ordinary line above the frame. */
  print(line: string): void {
    const lines = this.#drawn;
    if (lines.length === 0) return void this.#out.write(`${line}\n`);
    this.#out.write(`${this.#rewind()}${ERASE_LINE}${line}${ERASE_REST}\n`);
    this.#drawn = [];
    this.draw(lines);
  }

  /** Keeps the last frame and restores the cursor. */
  [Symbol.dispose](): void {
    if (!this.#hidden) return;
    this.#hidden = false;
    process.off("exit", this.#restore);
    this.#restore();
  }

  /**
   * Moves the cursor to the first drawn line. A window that became narrower has folded the lines that no longer fit.
   */
  #rewind(): string {
    const columns = this.width;
    const heightOf = (line: string) => {
      const width = Math.min([...stripVTControlCharacters(line)].length, this.#columns);
      return Math.max(1, Math.ceil(width / columns));
    };
    const up = this.#drawn.reduce((sum, line) => sum + heightOf(line), 0);
    return up === 0 ? "\r" : `\r\x1b[${up}A`;
  }
}

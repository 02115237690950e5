/** An element that is probably beside the text, and where its parts begin. */
interface Aside {
  readonly name: string;
  readonly from: number;
  depth: number;
  /** Characters in links and options. */
  labels: number;
  /** All other characters. */
  prose: number;
}

/** What holds more other characters than this, and more of them than in labels, is no menu. */
const MENU_CHARACTERS = 200;

/**
 * Collects the text of a page, and leaves out what stands beside it: menus, buttons, pictures. Nothing is left out before
 * its end has been seen and its content looked at, so that an element which was never closed, or which the whole page
 * stands in, takes no prose away.
 */
export class PageText {
  readonly #parts: string[] = [];
  /** The parts that are left out: from, to (exclusive). */
  readonly #skipped: [from: number, to: number][] = [];
  #aside: Aside | undefined;
  #inLabel = false;

  add(text: string): void {
    if (text === "") return;
    this.#parts.push(text);
    if (!this.#aside) return;
    if (this.#inLabel) this.#aside.labels += text.trim().length;
    else this.#aside.prose += text.trim().length;
  }

  /** Labels do not hold each other. */
  openLabel(): void {
    this.#inLabel = true;
  }

  closeLabel(): void {
    this.#inLabel = false;
  }

  /** Those within another one are part of it. */
  openAside(name: string): void {
    if (!this.#aside) {
      this.#inLabel = false;
      this.#aside = { name, from: this.#parts.length, depth: 1, labels: 0, prose: 0 };
    } else if (this.#aside.name === name) this.#aside.depth++;
  }

  closeAside(name: string): void {
    const aside = this.#aside;
    if (aside?.name !== name || --aside.depth > 0) return;
    this.#aside = undefined;
    this.#inLabel = false;
    if (aside.prose <= MENU_CHARACTERS || aside.prose < aside.labels)
      this.#skipped.push([aside.from, this.#parts.length]);
  }

  /** All of it where more would be left out than is left: then the page is made of menus, or marked up as if it were. */
  text(): string {
    let kept = "";
    let end = 0;
    for (const [from, to] of this.#skipped) {
      kept += `${this.#parts.slice(end, from).join("")} `;
      end = to;
    }
    kept += this.#parts.slice(end).join("");
    const whole = this.#parts.join("");
    const text = lengthOf(kept) < lengthOf(whole) / 2 ? whole : kept;
    return text.replace(EMPTY_ITEM, "");
  }
}

/** The mark of a list item whose content was left out. */
const EMPTY_ITEM = /^(?:-|\d+\.) *$/gm;

/** Without blanks. */
const lengthOf = (text: string): number => text.match(/\S/g)?.length ?? 0;

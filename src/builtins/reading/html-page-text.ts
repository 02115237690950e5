/** An element that is probably not part of the text, and the index of its first part. */
interface Aside {
  readonly name: string;
  readonly from: number;
  depth: number;
  /** The number of characters in links and options. */
  labels: number;
  /** The number of all other characters. */
  prose: number;
}

/** The number of characters outside labels above which an element is not a menu, if they outnumber those in labels. */
const MENU_CHARACTERS = 200;

/**
 * Collects the text of a page and leaves out elements beside it, such as menus, buttons and pictures. An element is
 * left out only after its end tag and by its content, so that one that is never closed, or that contains the whole
 * page, does not remove prose.
 */
export class PageText {
  readonly #parts: string[] = [];
  /** The ranges of parts that are left out: from, to (exclusive). */
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

  /** Begins a label. Labels are not nested. */
  openLabel(): void {
    this.#inLabel = true;
  }

  closeLabel(): void {
    this.#inLabel = false;
  }

  /** Begins an aside. One within another is part of it. */
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

  /** The text without asides. If they are more than half of the page, the whole text: such markup cannot be trusted. */
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

/** A list item whose content was left out. */
const EMPTY_ITEM = /^(?:-|\d+\.) *$/gm;

/** The number of characters that are not blanks. */
const lengthOf = (text: string): number => text.match(/\S/g)?.length ?? 0;

import type { DocxNumbering, NumberedItem } from "./docx-numbering.ts";
import type { XmlElement, XmlHandler } from "./xml.ts";

/** A unit of text: the body, a cell, a text box, or a note. */
interface Story {
  readonly paragraphs: string[];
  paragraph: Paragraph;
}

/** The current paragraph. */
interface Paragraph extends NumberedItem {
  text: string;
  style?: string | undefined;
  /** Whether the next paragraph continues it: this one is a drop cap, or the mark between the two was deleted. */
  isJoined: boolean;
  /** The text boxes that are anchored in it. They follow it. */
  readonly boxes: string[];
}

interface Table {
  readonly rows: string[];
  cells: string[][];
  isRowDeleted: boolean;
}

/** The elements that stand for a character. */
const SIGNS: Readonly<Record<string, string>> = { "w:br": "\n", "w:cr": "\n", "w:tab": "\t", "w:noBreakHyphen": "-" };
/** Elements to skip: text that a revision deleted or moved away, earlier properties, and ruby text. */
const SKIPPED = /^w:(?:del|moveFrom|rt|\w+Change)$/;
const NOTES = new Set(["w:footnote", "w:endnote", "w:comment"]);
/** The longest value of a cell. A table with longer cells is used for layout. */
const LONGEST_CELL = 200;

/**
 * The text of WordprocessingML in its final view: revisions accepted, a blank line after each paragraph, list items
 * with their numbers, one table row per line with tabs between the cells, and each text box once, after its paragraph.
 */
export class DocxText implements XmlHandler {
  /** The notes that the text refers to, in order, such as `footnotes 2` or `comments 0`. */
  readonly references: string[] = [];
  /** The notes that were read, by their reference. */
  readonly notes = new Map<string, string>();

  readonly #numbering: DocxNumbering | undefined;
  readonly #stories: Story[] = [newStory()];
  readonly #tables: Table[] = [];
  /** The length of the story's text before each open `AlternateContent`. */
  readonly #alternatives: number[] = [];
  /** The element whose content is being skipped, and its nesting depth. */
  #skipped: { readonly name: string; depth: number } | undefined;
  #properties: "paragraph" | "row" | undefined;
  #inText = false;
  #note = "";

  constructor(numbering?: DocxNumbering) {
    this.#numbering = numbering;
  }

  open(element: XmlElement): void {
    const { name } = element;
    if (this.#skipped) {
      if (name === this.#skipped.name) this.#skipped.depth++;
    } else if (this.#properties === "paragraph") this.#readParagraphProperty(element);
    else if (this.#properties === "row") {
      if (name === "w:del" || name === "w:moveFrom") this.#table.isRowDeleted = true;
    } else if (SKIPPED.test(name) || (name === "mc:Fallback" && this.#length > (this.#alternatives.at(-1) ?? 0)))
      this.#skipped = { name, depth: 1 };
    else this.#openContent(element);
  }

  #openContent(element: XmlElement): void {
    const { name } = element;
    if (name === "w:t" || name === "m:t") this.#inText = true;
    else if (name in SIGNS) this.#paragraph.text += SIGNS[name];
    else if (name === "w:pPr") this.#properties = "paragraph";
    else if (name === "w:trPr") this.#properties = "row";
    else if (name === "w:tbl") this.#tables.push({ rows: [], cells: [], isRowDeleted: false });
    else if (name === "w:tc" || name === "w:txbxContent") this.#stories.push(newStory());
    else if (name === "mc:AlternateContent") this.#alternatives.push(this.#length);
    else if (name === "wp:docPr") this.#describePicture(element.attribute("descr") ?? "");
    else if (/^w:(?:footnote|endnote|comment)Reference$/.test(name))
      this.references.push(`${name.slice(2, -"Reference".length)}s ${element.attribute("w:id")}`);
    else if (NOTES.has(name)) {
      // Notes with a type are separators between text and notes.
      this.#note = element.attribute("w:type") ? "" : `${name.slice(2)}s ${element.attribute("w:id")}`;
      this.#stories.push(newStory());
    }
  }

  #readParagraphProperty(element: XmlElement): void {
    const { name } = element;
    if (/^w:\w+Change$/.test(name)) this.#skipped = { name, depth: 1 };
    else if (name === "w:pStyle") this.#paragraph.style = element.attribute("w:val");
    else if (name === "w:numId") this.#paragraph.list = element.attribute("w:val");
    else if (name === "w:ilvl") this.#paragraph.level = Number(element.attribute("w:val")) || 0;
    // Within the properties, these elements mean that the paragraph mark was deleted or moved.
    else if (name === "w:del" || name === "w:moveFrom") this.#paragraph.isJoined = true;
    else if (name === "w:framePr" && /^(?:drop|margin)$/.test(element.attribute("w:dropCap") ?? ""))
      this.#paragraph.isJoined = true;
  }

  close(name: string): void {
    if (this.#skipped) {
      if (name === this.#skipped.name && --this.#skipped.depth === 0) this.#skipped = undefined;
      return;
    }
    if (name === "w:t" || name === "m:t") this.#inText = false;
    else if (name === "w:pPr" || name === "w:trPr") this.#properties = undefined;
    else if (name === "w:p") closeParagraph(this.#story, this.#numbering);
    else if (name === "w:txbxContent") {
      const box = this.#closeStory();
      this.#paragraph.boxes.push(...box);
    } else if (name === "w:tc") {
      const cell = this.#closeStory();
      this.#tables.at(-1)?.cells.push(cell);
    } else if (name === "w:tr") this.#closeRow();
    else if (name === "w:tbl") {
      const table = this.#tables.pop();
      if (table && table.rows.length > 0) this.#story.paragraphs.push(table.rows.join("\n"));
    } else if (name === "mc:AlternateContent") this.#alternatives.pop();
    else if (NOTES.has(name)) {
      const note = this.#closeStory().join("\n");
      if (this.#note !== "") this.notes.set(this.#note, note);
    }
  }

  text(text: string): void {
    if (this.#inText && !this.#skipped) this.#paragraph.text += text;
  }

  /** All paragraphs of the body. */
  toString(): string {
    const [body] = this.#stories;
    return body ? body.paragraphs.join("\n\n") : "";
  }

  get #story(): Story {
    return this.#stories.at(-1)!;
  }

  get #paragraph(): Paragraph {
    return this.#story.paragraph;
  }

  get #table(): Table {
    return this.#tables.at(-1) ?? { rows: [], cells: [], isRowDeleted: false };
  }

  get #length(): number {
    const { paragraph } = this.#story;
    return paragraph.text.length + paragraph.boxes.length;
  }

  #describePicture(description: string): void {
    if (description.trim() !== "") this.#paragraph.text += ` ${description.trim()} `;
  }

  #closeStory(): string[] {
    if (this.#stories.length === 1) return [];
    const story = this.#stories.pop()!;
    closeParagraph(story, this.#numbering);
    return story.paragraphs;
  }

  #closeRow(): void {
    const { cells, isRowDeleted, rows } = this.#table;
    this.#table.cells = [];
    this.#table.isRowDeleted = false;
    if (isRowDeleted) return;
    const isLaidOut = cells.some((cell) => cell.length > 1 || (cell[0]?.length ?? 0) > LONGEST_CELL);
    const row = isLaidOut
      ? cells.flat().join("\n\n")
      : cells.map(([value = ""]) => value.replace(/\s+/g, " ")).join("\t");
    if (row.trim() !== "") rows.push(row);
  }
}

const newParagraph = (): Paragraph => ({ text: "", isJoined: false, boxes: [] });
const newStory = (): Story => ({ paragraphs: [], paragraph: newParagraph() });

/** Adds the current paragraph to the finished ones, unless the next one continues it. */
function closeParagraph(story: Story, numbering: DocxNumbering | undefined): void {
  const { paragraph } = story;
  const { text, isJoined, boxes, style, list, level } = paragraph;
  if (isJoined) {
    story.paragraph = { ...newParagraph(), text, boxes };
    return;
  }
  story.paragraph = newParagraph();
  // The number of a paragraph without text is not shown.
  if (text.trim() !== "") {
    const mark = numbering?.markOf(style, { list, level }) ?? "";
    story.paragraphs.push(mark === "" ? text : `${mark} ${text}`);
  }
  story.paragraphs.push(...boxes);
}

/** How models that think aloud mark their thoughts, where the server does not take them out. */
const OPENING = /^\s*<(think|thinking|reasoning)>/i;
const POSSIBLE = /^\s*(<[a-z]{0,9})?$/i;

/**
 * Takes the reasoning block at the beginning of an answer out of it, piece by piece: it is a draft, and not the answer.
 * An answer that is cut inside its reasoning has no text.
 */
export class ReasoningFilter {
  #held = "";
  #state: "beginning" | "inside" | "passed" = "beginning";
  #closing = "";

  /** The text of the answer in this piece. */
  push(piece: string): string {
    if (this.#state === "passed") return piece;
    this.#held += piece;
    if (this.#state === "beginning") {
      const opening = OPENING.exec(this.#held);
      if (!opening) return POSSIBLE.test(this.#held) ? "" : this.#pass(this.#held);
      this.#state = "inside";
      this.#closing = `</${opening[1]!.toLowerCase()}>`;
    }
    const end = this.#held.toLowerCase().indexOf(this.#closing);
    if (end < 0) return "";
    const rest = this.#held.slice(end + this.#closing.length);
    this.#held = "";
    // White space after the block belongs to neither, and another block may follow.
    this.#state = "beginning";
    return this.push(rest.trimStart());
  }

  /** The rest, once the answer has ended. */
  end(): string {
    return this.#state === "beginning" ? this.#pass(this.#held) : "";
  }

  #pass(text: string): string {
    this.#state = "passed";
    this.#held = "";
    return this.#closing ? text.trimStart() : text;
  }
}

/** The answer without its reasoning. */
export function withoutReasoning(text: string): string {
  const filter = new ReasoningFilter();
  return filter.push(text) + filter.end();
}

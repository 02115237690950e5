import { RetryableError } from "../core/error.ts";
import type { ModelMessage } from "../core/model.ts";
import { describeProblems, type Problem, show } from "../core/problem.ts";
import { type Answer, cutOf } from "./answer.ts";
import type { AnswerSchema, Checked } from "./answer-schema.ts";
import type { AnswerFormat, ChatRequest } from "./chat-request.ts";
import type { Endpoint } from "./endpoint.ts";
import { RequestRefused } from "./failure.ts";
import { jsonIn } from "./json-text.ts";
import { withoutReasoning } from "./reasoning.ts";

/** One way of asking for JSON. */
interface Way {
  readonly format?: AnswerFormat;
  /** Whether the schema must be part of the prompt. */
  readonly inPrompt: boolean;
}

/** What is asked for by a schema. */
export interface Wanted<T> {
  readonly schema: AnswerSchema<T>;
  /** The name of the answer, for the model. */
  readonly name: string;
  /** How often an answer that does not match is sent back with what is wrong. */
  readonly repairs: number;
  /** The caller's own check, beside the schema. */
  readonly check?: (value: T) => readonly Problem[] | Promise<readonly Problem[]>;
}

const SCHEMA_PROMPT =
  "Answer with one JSON document and nothing else: no explanation and no code fence. It must match this JSON Schema:";
const REPAIR_PROMPT =
  "That answer cannot be used. Answer again with the whole JSON document, corrected. What is wrong:";
const CUT_PROMPT =
  "Your answer was cut off at the limit of tokens before the JSON document was whole. Answer again with the whole document, and make it shorter.";

/**
 * Asks for JSON by a schema and validates it. Rejects with a {@link RetryableError} when the last answer does not match
 * either.
 */
export async function askStructured<T>(
  wanted: Wanted<T>,
  request: ChatRequest,
  complete: (request: ChatRequest) => Promise<Answer>,
): Promise<T> {
  let { messages } = request;
  for (let repairs = 0; ; repairs++) {
    const answer = await complete({ ...request, messages, wantsJson: true });
    const read = await readAnswer(wanted, answer);
    if ("value" in read) return read.value;
    const isCut = cutOf(answer) === "length";
    if (repairs >= wanted.repairs) {
      const after = wanted.repairs > 0 ? ", nor after its mistakes were listed" : "";
      const cut = isCut ? "the answer was cut off at its limit of tokens; " : "";
      throw new RetryableError(
        `${answer.model ?? request.model} did not answer with ${wanted.name} by its schema${after}: ${cut}${describeProblems(read.problems, 20)}`,
      );
    }
    messages = [
      ...messages,
      // Some endpoints refuse a message that is empty.
      ...(answer.text ? [{ role: "assistant", content: answer.text } as const] : []),
      { role: "user", content: isCut ? CUT_PROMPT : `${REPAIR_PROMPT}\n${describeProblems(read.problems, 20)}` },
    ];
  }
}

/** Of the documents in an answer the last that passes: what stands before it are examples and drafts. */
export async function readAnswer<T>({ schema, check }: Wanted<T>, answer: Answer): Promise<Checked<T>> {
  const text = withoutReasoning(answer.text);
  let passed: { value: T } | undefined;
  let problems: readonly Problem[] | undefined;
  for (const found of jsonIn(text)) {
    const checked = await schema.check(found);
    const wrong = "problems" in checked ? checked.problems : ((await check?.(checked.value)) ?? []);
    if (wrong.length > 0) problems = wrong;
    else passed = checked as { value: T };
  }
  return passed ?? { problems: problems ?? [{ path: "", message: "expected JSON", received: show(text) }] };
}

/**
 * Ways of asking for JSON, from the surest to the most portable: the schema in `response_format`, which the endpoint then
 * enforces; JSON mode with the schema in the prompt; the prompt alone. A refusal leads to the next, and is remembered
 * with the schema, once a process.
 */
export class AnswerFormats {
  readonly #endpoint: Pick<Endpoint, "readsResponseFormat">;
  readonly #ways = new WeakMap<AnswerSchema, readonly Way[]>();

  constructor(endpoint: Pick<Endpoint, "readsResponseFormat">) {
    this.#endpoint = endpoint;
  }

  async complete<R>(
    { schema, name }: Pick<Wanted<unknown>, "schema" | "name">,
    request: ChatRequest,
    complete: (request: ChatRequest) => Promise<R>,
  ): Promise<R> {
    for (;;) {
      const ways = this.#ways.get(schema) ?? this.#waysFor(schema, name);
      this.#ways.set(schema, ways);
      const [{ format, inPrompt }, ...others] = ways as [Way, ...Way[]];
      try {
        return await complete({
          ...request,
          messages: inPrompt ? withSchema(request.messages, schema) : request.messages,
          ...(format && { format }),
        });
      } catch (error) {
        if (others.length === 0 || !(error instanceof RequestRefused) || !refusesFormat(error)) throw error;
        this.#ways.set(schema, others);
      }
    }
  }

  #waysFor({ described, strict }: AnswerSchema, name: string): readonly Way[] {
    const isObject = typeof described === "object" && described.type === "object";
    if (!this.#endpoint.readsResponseFormat || !isObject) return [{ inPrompt: true }];
    return [
      ...(strict
        ? [{ format: { kind: "schema", name: formatName(name), schema: strict }, inPrompt: false } as const]
        : []),
      { format: { kind: "json" }, inPrompt: true },
      { inPrompt: true },
    ];
  }
}

const formatName = (name: string) => name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "answer";

const refusesFormat = ({ status, about }: RequestRefused) =>
  (status === 400 || status === 422) && /response.?format|text.?format|json|schema|grammar|structured/i.test(about);

function withSchema(messages: readonly ModelMessage[], { described }: AnswerSchema): ModelMessage[] {
  const instruction = `${SCHEMA_PROMPT}\n${JSON.stringify(described)}`;
  const [first, ...rest] = messages;
  if (first?.role !== "system") return [{ role: "system", content: instruction }, ...messages];
  // One system message: many endpoints accept no second one.
  const content =
    typeof first.content === "string"
      ? `${first.content}\n\n${instruction}`
      : [...first.content, { type: "text", text: instruction } as const];
  return [{ role: "system", content }, ...rest];
}

import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { RetryableError } from "../core/error.ts";
import type { ModelMessage } from "../core/model.ts";
import { describeProblems, type Problem, problemsOf, show } from "../core/problem.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Answer } from "./completion.ts";
import type { Endpoint } from "./endpoint.ts";
import { RequestRefused } from "./failure.ts";
import { jsonIn } from "./json-text.ts";

/** One way of asking for JSON. */
interface Format {
  readonly responseFormat?: NonNullable<ChatRequest["responseFormat"]>;
  /** Whether the schema must be part of the prompt. */
  readonly inPrompt: boolean;
}

const SCHEMA_PROMPT =
  "Answer with one JSON document and nothing else: no explanation and no code fence. It must match this JSON Schema:";
const REPAIR_PROMPT =
  "That answer cannot be used. Answer again with the whole JSON document, corrected. What is wrong:";

/**
 * Asks for JSON by a schema and validates it.
 *
 * Three ways, from the surest to the most portable: the schema in `response_format`, which the endpoint then enforces
 * (only for schemas that its strict mode can express); JSON mode with the schema in the prompt; the prompt alone. A
 * refusal leads to the next, and is remembered with the schema.
 */
export class StructuredOutput {
  readonly #endpoint: Endpoint;
  readonly #formats = new WeakMap<z.ZodType, readonly Format[]>();

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** Rejects with a {@link RetryableError} when the second answer does not match either. */
  async ask<S extends z.ZodType>(
    schema: S,
    name: string,
    request: ChatRequest,
    complete: (request: ChatRequest) => Promise<Answer>,
  ): Promise<z.output<S>> {
    const first = await this.#complete(schema, name, request, complete);
    const read = await readAnswer(schema, first.text);
    if ("value" in read) return read.value;
    const again = [
      ...request.messages,
      // Some endpoints refuse a message that is empty.
      ...(first.text ? [{ role: "assistant", content: first.text } as const] : []),
      { role: "user", content: `${REPAIR_PROMPT}\n${listProblems(read.problems, first)}` } as const,
    ];
    const second = await this.#complete(schema, name, { ...request, messages: again }, complete);
    const repaired = await readAnswer(schema, second.text);
    if ("value" in repaired) return repaired.value;
    throw new RetryableError(
      `${this.#endpoint.name}: ${request.model} did not answer with ${name} by its schema, nor after its mistakes were listed: ${listProblems(repaired.problems, second)}`,
    );
  }

  async #complete(
    schema: z.ZodType,
    name: string,
    request: ChatRequest,
    complete: (request: ChatRequest) => Promise<Answer>,
  ): Promise<Answer> {
    for (;;) {
      const formats = this.#formats.get(schema) ?? formatsFor(schema, name, this.#endpoint);
      this.#formats.set(schema, formats);
      const [{ responseFormat, inPrompt }, ...others] = formats as [Format, ...Format[]];
      try {
        return await complete({
          ...request,
          wantsJson: true,
          messages: inPrompt ? withSchema(request.messages, schema) : request.messages,
          ...(responseFormat && { responseFormat }),
        });
      } catch (error) {
        if (others.length === 0 || !(error instanceof RequestRefused) || !refusesFormat(error)) throw error;
        this.#formats.set(schema, others);
      }
    }
  }
}

function formatsFor(schema: z.ZodType, name: string, endpoint: Endpoint): readonly Format[] {
  const formats: Format[] = [];
  const isObject = describeSchema(schema).type === "object";
  if (endpoint.readsResponseFormat && isObject) {
    try {
      formats.push({ responseFormat: zodResponseFormat(schema, formatName(name)), inPrompt: false });
    } catch {
      // Not a schema for strict mode: optional fields, open objects, transformations.
    }
    formats.push({ responseFormat: { type: "json_object" }, inPrompt: true });
  }
  return [...formats, { inPrompt: true }];
}

/** What the model is to write is what goes into the schema, before its defaults and transformations. */
const describeSchema = (schema: z.ZodType) => z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });

const formatName = (name: string) => name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "answer";

const refusesFormat = ({ status, about }: RequestRefused) =>
  (status === 400 || status === 422) && /response.?format|json|schema|grammar|structured/i.test(about);

function withSchema(messages: readonly ModelMessage[], schema: z.ZodType): ModelMessage[] {
  const instruction = `${SCHEMA_PROMPT}\n${JSON.stringify(describeSchema(schema))}`;
  const [first, ...rest] = messages;
  // One system message: many endpoints accept no second one.
  if (first?.role === "system") return [{ role: "system", content: `${first.content}\n\n${instruction}` }, ...rest];
  return [{ role: "system", content: instruction }, ...messages];
}

async function readAnswer<S extends z.ZodType>(
  schema: S,
  text: string,
): Promise<{ value: z.output<S> } | { problems: readonly Problem[] }> {
  let problems: readonly Problem[] | undefined;
  for (const found of jsonIn(text)) {
    const parsed = await schema.safeParseAsync(found);
    if (parsed.success) return { value: parsed.data };
    problems ??= problemsOf(parsed.error, found);
  }
  return { problems: problems ?? [{ path: "", message: "expected JSON", received: show(text) }] };
}

function listProblems(problems: readonly Problem[], answer: Answer): string {
  const cut = answer.finishReason === "length" ? "the answer was cut off at its limit of tokens; " : "";
  return cut + describeProblems(problems, 20);
}

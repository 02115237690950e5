import jsonata from "jsonata";

/** A request to the process. The data is a JSON text. */
export interface TransformRequest {
  readonly expression: string;
  readonly data: string;
}

/**
 * The answer of the process: a JSON text, `nothing` if the expression has no result, or a problem with the expression.
 */
export type TransformAnswer = { readonly json: string } | { readonly nothing: true } | { readonly problem: string };

process.on("message", async ({ expression, data }: TransformRequest) => {
  process.send?.(await transform(expression, data));
});

async function transform(expression: string, data: string): Promise<TransformAnswer> {
  try {
    const value: unknown = await jsonata(expression).evaluate(JSON.parse(data));
    const json = JSON.stringify(value);
    return json === undefined ? { nothing: true } : { json };
  } catch (error) {
    const { code, message, position } = error as { code?: string; message?: unknown; position?: number };
    const place = position === undefined ? "" : ` (at character ${position})`;
    return { problem: `${code === undefined ? "" : `${code}: `}${String(message)}${place}` };
  }
}

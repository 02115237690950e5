import { z } from "zod";
import type { JsonSchema, TypeRegistration } from "../../core/registration.ts";
import type { Task } from "../../define/task.ts";
import { toInputSchema } from "./input-schema.ts";

/** How a type is registered: its schemas as JSON Schema, as callers and planners see them. */
export function describeType(type: Task): TypeRegistration {
  const input = orUndefined(() => toInputSchema(type.input));
  const output = orUndefined(() => toOutputSchema(type.output));
  return {
    v: 1,
    type: type.type,
    ...(type.description !== undefined && { description: type.description }),
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    policy: type.policy,
    ...(type.version !== undefined && { version: type.version }),
  };
}

const toOutputSchema = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }) as JsonSchema;

/** Undefined for what JSON Schema cannot say: then the worker alone checks. */
function orUndefined(describe: () => JsonSchema): JsonSchema | undefined {
  try {
    return describe();
  } catch {
    return undefined;
  }
}

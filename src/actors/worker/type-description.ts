import { z } from "zod";
import type { JsonSchema, TypeRegistration } from "../../core/registration.ts";
import type { Task } from "../../define/task.ts";

/** How a type is registered: its schemas as JSON Schema, as callers and planners see them. */
export function describeType(type: Task): TypeRegistration {
  const input = toJsonSchema(type.input, "input");
  const output = toJsonSchema(type.output, "output");
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

/** Undefined for what JSON Schema cannot say: then the worker alone checks. */
function toJsonSchema(schema: z.ZodType, io: "input" | "output"): JsonSchema | undefined {
  try {
    return z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema;
  } catch {
    return undefined;
  }
}

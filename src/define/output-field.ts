import type { z } from "zod";

/** What a schema promises of a place in an output. */
export interface OutputField {
  /** Undefined where the schema does not say what is there. */
  readonly schema: z.core.$ZodType | undefined;
  /** Whether there may be nothing at the place. */
  readonly mayBeAbsent: boolean;
  /** Whether there may be null, which has no fields. */
  readonly mayBeNull: boolean;
}

export const UNKNOWN_FIELD: OutputField = { schema: undefined, mayBeAbsent: false, mayBeNull: false };
/** Values that have no fields. */
const LEAVES: ReadonlySet<string> = new Set([
  ...["string", "number", "int", "boolean", "bigint", "symbol", "null", "undefined", "void", "never", "nan"],
  ...["date", "literal", "enum", "template_literal"],
]);

/** What was found of whole outputs: a plan may refer to one type's by the thousand. */
const outputs = new WeakMap<z.core.$ZodType, OutputField>();

export function outputOf(schema: z.core.$ZodType): OutputField {
  let output = outputs.get(schema);
  if (!output) {
    output = unwrap(schema, false);
    outputs.set(schema, output);
  }
  return output;
}

/**
 * The field (or the item, by its index) of an output, as the schema of its place has it. Undefined where the schema says
 * that there is no such field.
 */
export function fieldOf(of: OutputField, name: string): OutputField | undefined {
  const { schema } = of;
  if (!schema) return UNKNOWN_FIELD;
  const mayBeAbsent = of.mayBeAbsent || of.mayBeNull;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object": {
      if (Object.hasOwn(def.shape, name)) return unwrap(def.shape[name]!, mayBeAbsent);
      const isClosed = def.catchall === undefined || def.catchall._zod.def.type === "never";
      return isClosed ? undefined : UNKNOWN_FIELD;
    }
    case "record":
      return unwrap(def.valueType, mayBeAbsent);
    case "array":
      return isIndex(name) ? unwrap(def.element, mayBeAbsent) : undefined;
    case "tuple": {
      const item = isIndex(name) ? (def.items[Number(name)] ?? def.rest) : null;
      return item ? unwrap(item, mayBeAbsent) : undefined;
    }
    case "union":
      return oneOf(def.options.map((option) => fieldOf(unwrap(option, mayBeAbsent), name)));
    case "intersection":
      return oneOf([def.left, def.right].map((side) => fieldOf(unwrap(side, mayBeAbsent), name)));
    default:
      return LEAVES.has(def.type) ? undefined : UNKNOWN_FIELD;
  }
}

/** The names of the fields that the schema promises at a place. */
export function fieldsOf({ schema }: OutputField): readonly string[] {
  const def = (schema as z.core.$ZodTypes | undefined)?._zod.def;
  return def?.type === "object" ? Object.keys(def.shape) : [];
}

const isIndex = (name: string): boolean => /^(?:0|[1-9]\d*)$/.test(name);

/** What several schemas say of one field together: nothing definite, unless none of them has it, or only one does. */
function oneOf(fields: readonly (OutputField | undefined)[]): OutputField | undefined {
  const known = fields.filter((field) => field !== undefined);
  if (known.length === 0) return undefined;
  return known.length === 1 && fields.length === 1 ? known[0] : UNKNOWN_FIELD;
}

/** Looks through the wrappers of a schema. The outermost that says whether a value is there decides. */
function unwrap(schema: z.core.$ZodType, mayBeAbsent: boolean): OutputField {
  let isOptional: boolean | undefined;
  let mayBeNull = false;
  for (let at = schema as z.core.$ZodTypes; ; ) {
    const { def } = at._zod;
    switch (def.type) {
      case "optional":
        isOptional ??= true;
        at = def.innerType as z.core.$ZodTypes;
        break;
      case "default":
      case "prefault":
      case "catch":
      case "nonoptional":
        isOptional ??= false;
        at = def.innerType as z.core.$ZodTypes;
        break;
      case "nullable":
        mayBeNull = true;
        at = def.innerType as z.core.$ZodTypes;
        break;
      case "readonly":
        at = def.innerType as z.core.$ZodTypes;
        break;
      case "lazy":
        at = def.getter() as z.core.$ZodTypes;
        break;
      case "pipe":
        at = def.out as z.core.$ZodTypes;
        break;
      default:
        return { schema: at, mayBeAbsent: mayBeAbsent || isOptional === true, mayBeNull };
    }
  }
}

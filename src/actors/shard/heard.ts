import type { TaskError } from "../../core/error.ts";
import type { Json } from "../../core/json.ts";

/** What a listener has heard, or why it will hear nothing. Undefined: it was aborted. */
export type Heard =
  | { readonly output: Json }
  | { readonly outputRef: string }
  | { readonly error: TaskError }
  | undefined;

import type { z } from "zod";
import type { In, Ref } from "./reference.ts";
import type { Task, TaskOutput } from "./task.ts";

/** How a task has come out: what an `outcome` refers to. */
export interface Outcome<T> {
  /** `succeeded`, `failed`, `skipped`, `cancelled`, `abandoned`; of a task that is not over, its state. */
  readonly state: string;
  readonly output?: T;
  readonly error?: { readonly kind: string; readonly message: string; readonly name?: string };
}

/** What a task of the plan takes: by the contract's schema, or anything for a type that is named. */
export type PlannedInput<K> = K extends { readonly input: infer I extends z.ZodType } ? In<z.input<I>> : unknown;
/** What it returns: by the contract's schema, or as the author states (`p.task<{ text: string }>("print", …)`). */
export type PlannedOutput<K, T> = [T] extends [never] ? (K extends Task ? TaskOutput<K> : unknown) : T;

/** What a value with references inside comes to. */
export type Resolved<I> =
  I extends Ref<infer T> ? T : I extends object ? { readonly [K in keyof I]: Resolved<I[K]> } : I;

/** What a map is over: an array, or an object of arrays of one length, which are zipped. */
export type MapSource =
  | Ref<unknown>
  | readonly unknown[]
  | { readonly [field: string]: Ref<unknown> | readonly unknown[] };
/** `never` for a reference to what cannot be mapped over. */
export type Mappable<S> =
  S extends Ref<infer A>
    ? unknown extends A
      ? S
      : A extends readonly unknown[] | { readonly [field: string]: readonly unknown[] }
        ? S
        : never
    : S;

/** One item of it. */
type ItemOf<A> = A extends readonly (infer U)[]
  ? Resolved<U>
  : A extends { readonly [field: string]: readonly unknown[] }
    ? { readonly [K in keyof A]: ItemOf<A[K]> }
    : unknown;
/** What a child of a map is given: an item, or the array of a batch. */
export type GivenItem<S, E> = E extends { readonly batch: number }
  ? readonly ItemOf<Resolved<S>>[]
  : ItemOf<Resolved<S>>;

/** The population's, over the numbers that were found. Without any, all but `count` and `sum` are null. */
export interface Stats {
  readonly count: number;
  readonly sum: number;
  readonly mean: number | null;
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** What a map comes to, by its join and what it is reduced with. */
export type MapOutput<O, E> = E extends { readonly reduce: infer R } ? Reduced<O, R, E> : Collected<O, E>;
type Reduced<O, R, E> = R extends "count" | "sum" | { readonly count: string } | { readonly sum: string }
  ? number
  : R extends "stats" | { readonly stats: string }
    ? Stats
    : R extends "collect"
      ? Collected<O, E>
      : R extends "concat"
        ? O
        : R extends "merge" | { readonly merge: string }
          ? Readonly<Record<string, unknown>>
          : R extends { readonly type: infer K }
            ? PlannedOutput<K, never>
            : readonly unknown[];
/** In order. Where the join bears failures, they are outcomes. */
type Collected<O, E> = E extends { readonly join: infer J }
  ? J extends "all" | { readonly all: true }
    ? readonly O[]
    : readonly Outcome<O>[]
  : readonly O[];

/** The output of a plan, made of references. */
export type OutputTemplate = { readonly [field: string]: unknown };

/** What a plan comes to, by what its function returns: a task, a template of references, or nothing. */
export type OutputOf<R> = R extends { readonly output: Ref<infer T> }
  ? T
  : undefined extends R
    ? Record<string, unknown>
    : Resolved<R>;

import { z } from "zod";
import type { Bucket, Bus } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson, type Json } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import { isName } from "../../core/names.ts";
import type { Problem } from "../../core/problem.ts";
import { type TypeRegistration, typeRegistration } from "../../core/registration.ts";
import { parseBy } from "./bucket-entry.ts";
import { BucketMirror } from "./bucket-mirror.ts";
import { compileSchema, type SchemaCheck } from "./schema-check.ts";

/** Foreign workers may leave out `v`, and the type, which the key says. */
function parseRegistration(value: Uint8Array, type: string): TypeRegistration {
  return parseBy(z.preprocess((raw) => ({ v: 1, ...(raw as object), type }), typeRegistration))(value, type);
}

/** All task types that were ever registered, as the bucket `types` records them. */
export class TypeRegistry {
  readonly #bucket: Bucket;
  readonly #known: BucketMirror<TypeRegistration>;
  readonly #log: Logger;
  /** The types that this process has registered. */
  readonly #registered = new Map<string, TypeRegistration>();
  /** The input checks, compiled when first needed. */
  readonly #checks = new WeakMap<TypeRegistration, SchemaCheck>();

  private constructor(bucket: Bucket, known: BucketMirror<TypeRegistration>, log: Logger) {
    this.#bucket = bucket;
    this.#known = known;
    this.#log = log;
  }

  static async open(bus: Bus, topology: Topology, log: Logger): Promise<TypeRegistry> {
    const definition = topology.buckets.types;
    const bucket = await bus.bucket(definition);
    const known = await BucketMirror.open<TypeRegistration>(bucket, {
      bucket: definition.name,
      parse: parseRegistration,
      // The type still counts as registered, without schema and policy.
      instead: (type) => (isName(type) ? { v: 1, type } : undefined),
      log,
    });
    return new TypeRegistry(bucket, known, log);
  }

  stop(): Promise<void> {
    return this.#known.stop();
  }

  /** Registers the types of this process again after the bucket was lost. */
  async restore(): Promise<void> {
    for (const registration of this.#registered.values()) await this.register(registration);
  }

  /** Registers a type permanently. Writes it only if it differs. */
  async register(registration: TypeRegistration): Promise<void> {
    this.#registered.set(registration.type, registration);
    const value = encodeJson(registration);
    const present = await this.#bucket.get(registration.type);
    if (!present || Buffer.compare(present.value, value) !== 0) await this.#bucket.put(registration.type, value);
    this.#known.take(registration.type, value);
  }

  /** The type in the mirror. A type that was registered a moment ago may be missing. */
  peek = (type: string): TypeRegistration | undefined => this.#known.entries.get(type);

  /** The type in the mirror, or else in the bucket. */
  async find(type: string): Promise<TypeRegistration | undefined> {
    const known = this.peek(type);
    if (known || !isName(type)) return known;
    const entry = await this.#bucket.get(type);
    if (entry) this.#known.take(type, entry.value);
    return this.peek(type);
  }

  /** Ensures that {@link peek} knows all of the types that are registered. */
  async findAll(types: Iterable<string>): Promise<void> {
    for (const type of new Set(types)) if (!this.peek(type)) await this.find(type);
  }

  list = (): TypeRegistration[] => [...this.#known.entries.values()].sort((a, b) => (a.type < b.type ? -1 : 1));

  /** The problems that the type's JSON Schema finds in an input. The type must be known. */
  problemsWithInput(type: string, input: Json): Problem[] {
    const registration = this.peek(type);
    if (!registration) return [];
    const check = this.#checks.get(registration) ?? this.#compile(registration);
    this.#checks.set(registration, check);
    return check(input);
  }

  #compile({ type, input }: TypeRegistration): SchemaCheck {
    if (input === undefined) return ANYTHING;
    try {
      return compileSchema(input);
    } catch (error) {
      this.#log("warn", `the input schema of type ${type} cannot be used, inputs go unchecked: ${messageOf(error)}`);
      return ANYTHING;
    }
  }
}

const ANYTHING: SchemaCheck = () => [];

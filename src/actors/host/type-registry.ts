import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Bucket, Bus, Stoppable } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import { messageOf } from "../../core/error.ts";
import { decodeJson, encodeJson, type Json } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import { isName } from "../../core/names.ts";
import { describeProblems, MAX_PROBLEMS, type Problem, problemsOf } from "../../core/problem.ts";
import { type TypeRegistration, typeRegistration } from "../../core/registration.ts";
import { toProblems } from "../../core/schema-problem.ts";

interface Known {
  readonly registration: TypeRegistration;
  /** Compiled when first needed. */
  checkInput?: ValidateFunction | "anything";
}

/** One for all registries of the process: each would compile the schema of schemas anew, which takes it 15 ms. */
const ajv = new Ajv2020({ strict: false, allErrors: true, verbose: true, validateFormats: false });

/** Every task type that was ever registered, as the bucket `types` has it. Kept current by a watch. */
export class TypeRegistry {
  readonly #bucket: Bucket;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();
  #watch: Stoppable | undefined;

  private constructor(bucket: Bucket, log: Logger) {
    this.#bucket = bucket;
    this.#log = log;
  }

  static async open(bus: Bus, topology: Topology, log: Logger): Promise<TypeRegistry> {
    const registry = new TypeRegistry(await bus.bucket(topology.buckets.types), log);
    const ready = Promise.withResolvers<void>();
    registry.#watch = await registry.#bucket.watch((key, value) => registry.#take(key, value), ready.resolve);
    await ready.promise;
    return registry;
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }

  /** Registers a type for ever. Writes only what differs. */
  async register(registration: TypeRegistration): Promise<void> {
    const value = encodeJson(registration);
    const present = await this.#bucket.get(registration.type);
    if (!present || Buffer.compare(present.value, value) !== 0) await this.#bucket.put(registration.type, value);
    this.#take(registration.type, value);
  }

  /** What is known without asking; a type that was registered a moment ago may be missing. */
  peek = (type: string): TypeRegistration | undefined => this.#known.get(type)?.registration;

  /** Asks the bucket where the watch has not told yet. */
  async find(type: string): Promise<TypeRegistration | undefined> {
    const known = this.peek(type);
    if (known || !isName(type)) return known;
    const entry = await this.#bucket.get(type);
    if (entry) this.#take(type, entry.value);
    return this.peek(type);
  }

  /** Makes sure that {@link peek} knows every one that is registered. */
  async findAll(types: Iterable<string>): Promise<void> {
    for (const type of new Set(types)) if (!this.peek(type)) await this.find(type);
  }

  list = (): TypeRegistration[] =>
    [...this.#known.values()].map((one) => one.registration).sort((a, b) => (a.type < b.type ? -1 : 1));

  /** What is wrong with an input by the type's JSON Schema. The type must be known. */
  problemsWithInput(type: string, input: Json): Problem[] {
    const known = this.#known.get(type);
    if (!known) return [];
    known.checkInput ??= this.#compile(known.registration);
    const check = known.checkInput;
    if (check === "anything") return [];
    if (check(input)) return [];
    return toProblems((check.errors ?? []).slice(0, MAX_PROBLEMS), input);
  }

  #compile({ type, input }: TypeRegistration): ValidateFunction | "anything" {
    if (input === undefined) return "anything";
    try {
      // Draft 7 and 2020-12 differ little in what task types use; an unknown `$schema` would be refused.
      if (typeof input === "boolean") return ajv.compile(input);
      const { $schema: _dialect, $id: _id, ...schema } = input;
      const check = ajv.compile(schema);
      // It keeps whatever it has compiled.
      ajv.removeSchema(schema);
      return check;
    } catch (error) {
      this.#log("warn", `the input schema of type ${type} cannot be used, inputs go unchecked: ${messageOf(error)}`);
      return "anything";
    }
  }

  #take(type: string, value: Uint8Array | undefined): void {
    if (value) this.#known.set(type, { registration: this.#read(type, value) });
    else this.#known.delete(type);
  }

  /** Foreign workers may write what we cannot read: their type is registered all the same, without schema and policy. */
  #read(type: string, value: Uint8Array): TypeRegistration {
    try {
      const raw = { v: 1, ...(decodeJson(value) as object), type };
      const parsed = typeRegistration.safeParse(raw);
      if (parsed.success) return parsed.data;
      this.#log("warn", `type ${type} is registered wrongly: ${describeProblems(problemsOf(parsed.error, raw))}`);
    } catch (error) {
      this.#log("warn", `type ${type} is registered with something that is no JSON: ${messageOf(error)}`);
    }
    return { v: 1, type };
  }
}

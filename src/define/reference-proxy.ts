import { TuttiError } from "../core/error.ts";
import { escapeToken } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import { show } from "../core/problem.ts";
import { fieldOf, fieldsOf, type OutputField } from "./output-field.ts";

/** What a proxy answers to these two: the reference's text and place, and the references of its plan. */
const target = Symbol("reference");
const owner = Symbol("references");
/** Names that the language itself looks up on any object it is handed; a reference must not answer to them. */
const SILENT = new Set(["then", "toJSON"]);

/** The target of a reference's proxy. It is looked through to when the reference is printed. */
class Place {
  readonly $ref: string;
  /** What the contract of the task promises of this place. */
  readonly field: OutputField;

  constructor($ref: string, field: OutputField) {
    this.$ref = $ref;
    this.field = field;
  }

  /** Printing asks the proxy, which answers for its target. */
  [Symbol.for("nodejs.util.inspect.custom")](): object {
    return { $ref: (this as unknown as Reference)[target].$ref };
  }
}

/** The references of one plan. They share this handler of their proxies: a plan of 100,000 tasks may have as many. */
export class References implements ProxyHandler<Place> {
  /** References that were read and have gone nowhere yet. */
  readonly #idle = new Set<Place>();

  /**
   * The text of a reference that was read and that no input has taken. It was used as a condition, which the language
   * lets pass as true, or it is not needed.
   */
  get idle(): string | undefined {
    const [first] = this.#idle;
    return first?.$ref;
  }

  /** Notes that an input takes the value of this place. Throws a {@link TuttiError} (400) where there may be none and has to be one. */
  take(place: Place, mayBeAbsent: boolean): void {
    this.#idle.delete(place);
    if (mayBeAbsent || !place.field.mayBeAbsent) return;
    const { $ref } = place;
    const expected = "a reference to a field that is always there";
    const hint =
      "make the field required (or nullable) in the contract, refer to the object that holds it, or use orElse()";
    const message = `the reference ${$ref} leads to a field that may be absent, and then the run would fail: expected ${expected}; ${hint}`;
    throw new TuttiError(400, message, { expected, received: $ref });
  }

  /** A reference that the plan's function is given need not be used. */
  forget(reference: object): void {
    this.#idle.delete((reference as Reference)[target]);
  }

  get(place: Place, property: string | symbol): unknown {
    if (property === target) return place;
    if (property === owner) return this;
    if (property === Symbol.toPrimitive || property === Symbol.iterator) return this.#refuserOf(place);
    if (typeof property === "symbol" || SILENT.has(property)) return undefined;
    return property === "at" ? this.#accessorOf(place) : this.#below(place, property);
  }

  // Functions are made apart from get(): what they enclose would be allocated for every property that is read.
  #refuserOf(place: Place): () => never {
    return () => this.#refuse(place);
  }

  #accessorOf(place: Place): (field: string | number) => object {
    return (field) => this.#below(place, field);
  }

  has(_: Place, property: string | symbol): boolean {
    return property === target;
  }

  getPrototypeOf(): null {
    return null;
  }

  ownKeys(place: Place): never {
    return this.#refuse(place);
  }

  set(place: Place): never {
    return this.#refuse(place);
  }

  defineProperty(place: Place): never {
    return this.#refuse(place);
  }

  deleteProperty(place: Place): never {
    return this.#refuse(place);
  }

  refer($ref: string, field: OutputField): object {
    const place = new Place($ref, field);
    this.#idle.add(place);
    return new Proxy(place, this);
  }

  #below(place: Place, name: string | number): object {
    this.#idle.delete(place);
    const { $ref, field } = place;
    const below = fieldOf(field, String(name));
    if (below) return this.refer(`${$ref}/${escapeToken(String(name))}`, below);
    const known = fieldsOf(field);
    const near = nearest(String(name), known);
    const expected = known.length > 0 ? `one of its fields ${known.join(", ")}` : "a use of the value as a whole";
    throw new TuttiError(
      400,
      `the reference ${$ref} has no field ${show(name)} by its contract: expected ${expected}${near === undefined ? "" : `; did you mean ${near}?`}`,
      { expected, received: String(name) },
    );
  }

  #refuse(place: Place): never {
    this.#idle.delete(place);
    const { $ref } = place;
    const key = $ref.slice(0, $ref.indexOf("#"));
    const event = key === "" || key.startsWith("$") ? "the plan runs" : `${key} has succeeded`;
    throw new TuttiError(
      400,
      `the reference ${$ref} has no value until ${event}: expected it as a value in another task's input, received a use of its content`,
    );
  }
}

interface Reference {
  readonly [target]: Place;
  readonly [owner]: References;
}

/** The text of a reference, undefined for any other value. */
export const peekReference = (value: object): string | undefined =>
  target in value ? (value as Reference)[target].$ref : undefined;

/**
 * The text of a reference that an input takes, undefined for any other value. Throws a {@link TuttiError} (400) for one that
 * may lead nowhere, and for one that is not among `references`, where these are stated.
 */
export function takeReference(
  value: object,
  references: References | undefined,
  mayBeAbsent = false,
): string | undefined {
  if (!(target in value)) return undefined;
  const { [target]: place, [owner]: of } = value as Reference;
  if (references !== undefined && of !== references)
    throw new TuttiError(
      400,
      `the reference ${place.$ref} belongs to another plan: expected one to a task of this plan, since a task waits for its siblings only`,
      { expected: "a reference to a task of this plan", received: place.$ref },
    );
  of.take(place, mayBeAbsent);
  return place.$ref;
}

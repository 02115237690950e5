/** What a server would refuse. Each throws {@link BusError} `failed`, and says what was expected. */
import { BusError } from "../port.ts";
import { filtersOverlap, isFilter, isSubject } from "../subject-match.ts";

export function assertSubject(subject: string): void {
  if (!isSubject(subject))
    throw new BusError("failed", `"${subject}" is not a subject: expected tokens without wildcards.`);
}

export function assertFilter(filter: string): void {
  if (!isFilter(filter)) throw new BusError("failed", `"${filter}" is not a filter: expected tokens, *, and a last >.`);
}

/** The name of a stream or consumer becomes a token of a subject, and a file on a server. */
export function assertName(name: string): void {
  if (!/^[^\s.*>/\\]+$/.test(name))
    throw new BusError("failed", `"${name}" is not a name: expected one without spaces, dots, wildcards and slashes.`);
}

/** A filter must have something to do with the subjects of the stream it is for. */
export function assertReadable(filter: string, stream: { name: string; subjects: readonly string[] }): void {
  assertFilter(filter);
  if (!anyOverlap([filter], stream.subjects))
    throw new BusError(
      "failed",
      `${filter} matches none of the subjects of stream ${stream.name}: ${stream.subjects}.`,
    );
}

export function anyOverlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.some((other) => filtersOverlap(one, other)));
}

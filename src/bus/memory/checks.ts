/** The checks that a server makes. Each throws {@link BusError} `failed` and says what was expected. */
import { BusError } from "../port.ts";
import { filtersOverlap, isFilter, isSubject } from "../subject-match.ts";

export function assertSubject(subject: string): void {
  if (!isSubject(subject))
    throw new BusError("failed", `"${subject}" is not a valid subject: expected tokens without wildcards.`);
}

export function assertFilter(filter: string): void {
  if (!isFilter(filter))
    throw new BusError("failed", `"${filter}" is not a valid filter: expected tokens, *, and > only at the end.`);
}

/** The name of a stream or consumer becomes a token of a subject, and a file on a server. */
export function assertName(name: string): void {
  if (!/^[^\s.*>/\\]+$/.test(name))
    throw new BusError("failed", `"${name}" is not a valid name: expected no spaces, dots, wildcards or slashes.`);
}

/** The filter of a stream's reader must be valid and overlap with the stream's subjects. */
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

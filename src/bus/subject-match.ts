/**
 * Subjects and filters follow the rules of NATS: tokens joined by dots. In a filter, `*` stands for one token and a
 * final `>` for one or more.
 */

const SUBJECT = /^[^\s.*>]+(?:\.[^\s.*>]+)*$/;
const FILTER = /^(?:(?:\*|[^\s.*>]+)\.)*(?:\*|>|[^\s.*>]+)$/;

/** Whether the text is a subject: no wildcards, no empty tokens. */
export function isSubject(subject: string): boolean {
  return SUBJECT.test(subject);
}

/** Whether the text is a filter. Every subject is one, too. */
export function isFilter(filter: string): boolean {
  return FILTER.test(filter);
}

/** Returns a function that tests whether a subject matches, for filters that are tested many times. */
export function compileFilter(filter: string): (subject: string) => boolean {
  if (filter === ">") return () => true;
  if (isSubject(filter)) return (subject) => subject === filter;
  const wanted = filter.split(".");
  const open = wanted.at(-1) === ">";
  if (open) wanted.pop();
  return (subject) => {
    const tokens = subject.split(".");
    if (open ? tokens.length <= wanted.length : tokens.length !== wanted.length) return false;
    return wanted.every((token, i) => token === "*" || token === tokens[i]);
  };
}

/** Whether some subject matches both filters. */
export function filtersOverlap(one: string, other: string): boolean {
  const a = one.split(".");
  const b = other.split(".");
  for (let i = 0; ; i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return x === y;
    if (x === ">" || y === ">") return true;
    if (x !== y && x !== "*" && y !== "*") return false;
  }
}

import { describeCause, type ErrorDetails } from "../core/thrown.ts";

/** The details of an error beside its message, as labelled facts: its class and code, its causes, its stack. */
export function errorFacts({ name, errorCode, stack, causes = [] }: ErrorDetails): [label: string, value: string][] {
  const thrown = [name, errorCode].filter(Boolean).join(" ");
  return [
    ...(thrown ? [["thrown", thrown] as [string, string]] : []),
    ...causes.map((cause) => ["cause", cause.stack ?? describeCause(cause)] as [string, string]),
    ...(stack === undefined ? [] : [["stack", stack] as [string, string]]),
  ];
}

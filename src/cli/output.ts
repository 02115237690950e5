/** Prints a value as JSON on one line of standard output. */
export const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** Prints lines on standard output. */
export const printLines = (lines: readonly string[]): void =>
  void process.stdout.write(lines.map((line) => `${line}\n`).join(""));

/** Resolves when everything written so far has left the process. */
export const flushOutput = async (): Promise<void> => {
  const streams = [process.stdout, process.stderr];
  await Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.write("", () => resolve()))));
};

/** Writes a time as `2026-05-04 13:07:59` in local time. */
export function formatMoment(moment: string | number): string {
  const date = new Date(moment);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${formatClock(moment)}`;
}

/** Writes a time as `13:07:59` in local time. */
export function formatClock(moment: string | number): string {
  return new Date(moment).toTimeString().slice(0, 8);
}

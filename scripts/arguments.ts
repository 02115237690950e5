import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Reads the arguments of a script. `--help` prints the usage and exits with 0; an error is printed with it and exits
 * with 2.
 */
export function readArguments<const O extends Options>(usage: string, options: O) {
  const refuse = (problem: string): never => {
    console.error(`${problem}\n\n${usage}`);
    process.exit(2);
  };
  const read = () => {
    try {
      return parseArgs({ options: { ...options, help: { type: "boolean" } } as O & { help: { type: "boolean" } } })
        .values;
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
  };
  const values = read();
  if ((values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  const count = (option: string, text: string): number =>
    /^\d+$/.test(text) ? Number(text) : refuse(`--${option}: expected a whole number, received ${text}`);
  return { values, refuse, count };
}

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const TSC = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

/** One error of the compiler: its code, and all lines of its message. */
export interface CompilerError {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

export interface Project {
  /** Text of the source files, by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly compilerOptions: object;
  readonly extends?: string;
  /** What stands in the project's `node_modules`, by name: folders. */
  readonly modules: Readonly<Record<string, string>>;
}

/** Compiles a project in a folder of its own, as a user would who has installed these modules. */
export async function compile(project: Project): Promise<CompilerError[]> {
  const folder = await mkdtemp(join(tmpdir(), "tutti-compile-"));
  try {
    await layOut(folder, project);
    const run = promisify(execFile)(process.execPath, [TSC, "-p", folder, "--pretty", "false"], { cwd: folder });
    const output = await run.then(
      () => "",
      ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
    );
    return readErrors(output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function layOut(folder: string, { files, modules, compilerOptions, ...rest }: Project): Promise<void> {
  for (const [name, target] of Object.entries(modules)) {
    const link = join(folder, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(target, link);
  }
  const include = Object.keys(files);
  const config = { ...(rest.extends && { extends: rest.extends }), compilerOptions, include, exclude: [] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

/** Lines that begin with white space go on with the message before. */
function readErrors(output: string): CompilerError[] {
  const errors: { file: string; code: string; message: string }[] = [];
  for (const line of output.split("\n").filter((one) => one.trim())) {
    const [, file, code, message] = line.match(/^(?:(\S+?)\(\d+,\d+\): )?error (TS\d+): (.*)$/) ?? [];
    if (code !== undefined) errors.push({ file: file ?? "", code, message: message! });
    else if (errors.length > 0) errors.at(-1)!.message += `\n${line.trim()}`;
    else throw new Error(`the compiler said: ${output}`);
  }
  return errors;
}

import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

interface Tool {
  readonly command: string;
  /** A variable that names the binary. */
  readonly variable?: string;
  readonly debianPackage: string;
  readonly elsewhere: string;
}

const TOOLS: readonly Tool[] = [
  {
    command: "nats-server",
    variable: "NATS_SERVER_BIN",
    debianPackage: "nats-server",
    elsewhere:
      "brew install nats-server, docker cp from the image nats, or go install github.com/nats-io/nats-server/v2@latest",
  },
  { command: "tmux", debianPackage: "tmux", elsewhere: "brew install tmux" },
];

/** The tests use real servers and a real terminal: what is missing is installed, or the run fails and says how. */
export default function setup(): void {
  for (const tool of TOOLS) if (!isPresent(tool)) install(tool);
}

function isPresent({ command, variable }: Tool): boolean {
  const named = variable && process.env[variable];
  const candidates = named ? [named] : (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, command));
  return candidates.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function install({ command, variable, debianPackage, elsewhere }: Tool): void {
  const canInstall = existsSync("/etc/debian_version") && process.getuid?.() === 0;
  const how = `${elsewhere}${variable ? `; or set ${variable}` : ""}`;
  if (!canInstall) throw new Error(`the tests need ${command}, which is not on the PATH: ${how}`);
  console.log(`installing ${debianPackage}, which the tests need`);
  const options = { stdio: "pipe", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
  try {
    execFileSync("apt-get", ["update", "-qq"], options);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", debianPackage], options);
  } catch (error) {
    throw new Error(`the tests need ${command}, and apt-get could not install ${debianPackage}: ${how}`, {
      cause: error,
    });
  }
}

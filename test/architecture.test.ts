import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, posix } from "node:path";
import { describe, expect, it } from "vitest";

/** What the rooms of `actors` may import besides each other. */
const ACTORS_IMPORT = ["core", "define", "machines", "fold", "timeline", "bus", "telemetry", "llm", "app.ts"];

/** The rooms of `actors` in the order in which they stand on each other. Each may import those before it. */
const ROOMS = ["host", "log", "dispatch", "limits", "dead", "shard", "cluster", "gateway"].map(
  (room) => `actors/${room}`,
);

/** The import rule as a table: a room or folder of `src`, and those that it may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  define: ["core"],
  machines: ["core"],
  fold: ["core", "machines"],
  timeline: ["core", "machines", "fold"],
  bus: ["core"],
  /** The adapters do not know each other. */
  "bus/nats": ["core", "bus"],
  "bus/memory": ["core", "bus"],
  telemetry: ["core"],
  /** The breaker executes its chart. */
  llm: ["core", "machines"],
  builtins: ["core", "define"],
  ...Object.fromEntries(ROOMS.map((room, index) => [room, [...ACTORS_IMPORT, ...ROOMS.slice(0, index)]])),
  "actors/dead": [...ACTORS_IMPORT, "actors/host", "actors/log"],
  "actors/attempt": [...ACTORS_IMPORT, "actors/host"],
  "actors/worker": [...ACTORS_IMPORT, "actors/host", "actors/log", "actors/attempt"],
  "actors/client": [...ACTORS_IMPORT, "actors/host", "actors/log"],
  /** What puts the rooms together: `orchestrator.ts`. */
  actors: [...ACTORS_IMPORT, ...ROOMS],
  /** The public interface, as types: actors implement it. */
  "run-options.ts": ["core"],
  "app.ts": ["core", "define", "run-options.ts"],
};
/** `cli`, `pattern` and the other files directly in `src` stand on top of all these. */
const ON_TOP = ["cli", "pattern", ""];

/** A package, and the only files that may import it. */
const ONLY: readonly (readonly [name: string, packages: RegExp, files: RegExp])[] = [
  ["the NATS client", /^@nats-io\//, /^bus\/nats\//],
  ["openai and opossum", /^(openai|opossum)(\/|$)/, /^llm\//],
  ["XState", /^(xstate|@xstate)(\/|$)/, /^((machines|actors)\/|llm\/breaker\.ts$)/],
  ["the OpenTelemetry SDK", /^@opentelemetry\/(?!api$|semantic-conventions(\/|$))/, /^telemetry\/set-?up\.ts$/],
  ["OpenTelemetry", /^@opentelemetry\//, /^(telemetry|bus|llm|actors|cli)\//],
];

interface Import {
  /** As written. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** Our formatter writes imports one way, so that this finds them all: static, re-exported, dynamic, and in types. */
const STATEMENT = /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const CALL = /\bimport\(\s*"([^"]+)"/g;

function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return [
    ...Array.from(code.matchAll(STATEMENT), ([, type, target]) => ({ target: target!, typeOnly: type !== undefined })),
    // Of `import()` in a type and in an expression the text does not tell which; neither makes a cycle while loading.
    ...Array.from(code.matchAll(CALL), ([, target]) => ({ target: target!, typeOnly: true })),
  ];
}

/** The TypeScript files of a folder, with their texts and imports. */
function readFiles(folder: string) {
  const source = new URL(`../${folder}/`, import.meta.url);
  const names = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.includes("node_modules/"),
  );
  return new Map(
    names.map((file) => {
      const text = readFileSync(new URL(file, source), "utf8");
      return [file, { text, imports: importsOf(text) }] as const;
    }),
  );
}

const files = readFiles("src");

/** Where files still know each other by types: there, what is loaded must have no cycle, and types may. */
const TYPES_TO_PART = /^(fold|bus\/nats)\//;

/** A file's row in the table: itself, or the innermost of its folders that has a row. */
function rowOf(file: string): string {
  let place = file;
  while (!(place in MAY_IMPORT) && place.includes("/")) place = dirname(place);
  return place in MAY_IMPORT || !place.endsWith(".ts") ? place : "";
}
const resolve = (file: string, target: string) => posix.join(dirname(file), target);

/** Every import of a file of ours (`from` a package when `relative` is false), as `[file, what it imports]`. */
const eachImport = (relative: boolean) =>
  [...files].flatMap(([file, { imports }]) =>
    imports
      .filter(({ target }) => target.startsWith(".") === relative)
      .map((one) => ({ file, ...one, to: relative ? resolve(file, one.target) : one.target })),
  );

describe("the import rule", () => {
  it("is read from real imports", () => {
    expect(
      importsOf('import a, { b } from "./a.ts";\nimport "x";\nexport * from "y";\nexport { z } from "./z.ts";'),
    ).toEqual(["./a.ts", "x", "y", "./z.ts"].map((target) => ({ target, typeOnly: false })));
    expect(importsOf('import type {\n  A,\n} from "./a.ts";\nlet x: import("./b.ts").B;\n// import "c";')).toEqual(
      ["./a.ts", "./b.ts"].map((target) => ({ target, typeOnly: true })),
    );
    expect(files.size).toBeGreaterThan(20);
    expect(eachImport(true).length).toBeGreaterThan(files.size);
  });

  it("knows every folder", () => {
    const folders = new Set([...files.keys()].map(rowOf));
    expect([...folders].filter((folder) => !(folder in MAY_IMPORT) && !ON_TOP.includes(folder))).toEqual([]);
  });

  it("holds between folders", () => {
    const broken = eachImport(true)
      .filter(({ file, to }) => {
        const [from, into] = [rowOf(file), rowOf(to)];
        return from !== into && !ON_TOP.includes(from) && !MAY_IMPORT[from]?.includes(into);
      })
      .map(({ file, to }) => `${file} imports ${to}`);
    expect(broken).toEqual([]);
  });

  it("gives every file of the actors a room, but for what puts them together", () => {
    expect([...files.keys()].filter((file) => dirname(file) === "actors")).toEqual(["actors/orchestrator.ts"]);
  });

  it("leads to files that are there, by their extension", () => {
    expect(eachImport(true).filter(({ to }) => !files.has(to) && to !== "../package.json")).toEqual([]);
  });

  it.each(ONLY)("lets only the named files import %s", (_, packages, allowed) => {
    const broken = eachImport(false)
      .filter(({ file, target }) => packages.test(target) && !allowed.test(file))
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(broken).toEqual([]);
  });

  it.each(["src", "test", "bench", "scripts"])("has no cycles between the files of %s, types included", (folder) => {
    const read = readFiles(folder);
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (done.has(file) || path.includes(file)) return;
      for (const { target, typeOnly } of read.get(file)?.imports ?? [])
        if (target.startsWith(".") && !(typeOnly && folder === "src" && TYPES_TO_PART.test(file)))
          visit(resolve(file, target), [...path, file]);
      done.add(file);
    };
    for (const file of read.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe("the house style", () => {
  it("has no file over 300 lines", () => {
    const long = [...files].map(([file, { text }]) => [file, text.trimEnd().split("\n").length] as const);
    expect(long.filter(([, lines]) => lines > 300)).toEqual([]);
  });

  it("names files after ideas, in lowercase and hyphens", () => {
    const odd = [...files.keys()].filter(
      (file) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(basename(file)) ||
        /^(utils?|helpers?|common|misc|types)\.ts$/.test(basename(file)) ||
        (basename(file) === "index.ts" && file !== "index.ts"),
    );
    expect(odd).toEqual([]);
  });
});

describe("the map of the code", () => {
  const map = readFileSync(new URL("../ARCHITECTURE.md", import.meta.url), "utf8");

  it("names only files that are there", () => {
    const missing = map.split("\n").flatMap((line) => {
      let folder = "";
      return Array.from(line.matchAll(/[\w./<>-]+\.ts\b/g), ([path]) => {
        // A bare name lies in the folder of the path before it.
        if (path.includes("/")) folder = dirname(path.replace(/^src\//, ""));
        const file = path.includes("/") ? path.replace(/^src\//, "") : posix.join(folder, path);
        return path.startsWith("test/") || path.includes("<") || files.has(file) ? [] : [path];
      }).flat();
    });
    expect(missing).toEqual([]);
  });

  it("names every room of the actors", () => {
    const rooms = [...files.keys()].flatMap((file) => /^actors\/([^/]+)\//.exec(file)?.[1] ?? []);
    expect([...new Set(rooms)].filter((room) => !map.includes(`| \`${room}\``))).toEqual([]);
  });
});

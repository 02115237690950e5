import { registerHooks } from "node:module";
import type { Mutation } from "./mutations.ts";
import { MUTATIONS } from "./mutations.ts";

const source = new URL("../../src/", import.meta.url).href;
const simulation = new URL("./", import.meta.url).href;
const PARAMETER = "mutation";

let installed = false;

/**
 * Loads the simulator together with all of `src` anew, one snippet of it replaced: the mutation's number travels from
 * module to module in the query of their URLs. The product has no idea of this.
 */
export async function loadMutant(mutation: Mutation): Promise<typeof import("./world.ts")> {
  if (!installed) installHooks();
  installed = true;
  return import(`./world.ts?${PARAMETER}=${MUTATIONS.indexOf(mutation)}`);
}

function installHooks(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const parent = context.parentURL && new URL(context.parentURL).searchParams.get(PARAMETER);
      const isOurs = resolved.url.startsWith(source) || resolved.url.startsWith(simulation);
      if (!parent || !isOurs || resolved.url.includes("?")) return resolved;
      return { ...resolved, url: `${resolved.url}?${PARAMETER}=${parent}` };
    },
    load(url, context, next) {
      const loaded = next(url, context);
      const number = url.startsWith(source) && new URL(url).searchParams.get(PARAMETER);
      const mutation = number ? MUTATIONS[Number(number)] : undefined;
      if (!mutation || new URL(url).pathname !== new URL(mutation.file, source).pathname) return loaded;
      const text =
        typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source as Uint8Array);
      const parts = text.split(mutation.snippet);
      if (parts.length !== 2)
        throw new Error(
          `mutation "${mutation.name}": ${mutation.file} has the snippet ${parts.length - 1} times; expected once`,
        );
      return { ...loaded, source: parts.join(mutation.instead) };
    },
  });
}

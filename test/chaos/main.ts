/** `node main.ts OPTIONS`: one orchestrator or worker process of a chaos run. */
import type { TuttiOptions } from "../../src/app.ts";
import { builtinWorkers } from "../../src/builtins/builtin.ts";
import { tutti } from "../../src/tutti.ts";
import { chaosWorkers } from "./workers.ts";

const options = JSON.parse(process.argv[2]!) as TuttiOptions;
const app = await tutti({
  ...options,
  workers: options.orchestrator === false ? [...chaosWorkers, ...builtinWorkers] : [],
  onLog: (level, message) => level !== "debug" && console.error(new Date().toISOString().slice(11, 23), level, message),
});
process.once("SIGTERM", () => void app.stop());
console.log("ready");

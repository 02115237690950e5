/**
 * The API in the terms of the orchestrator-workers pattern: a worker decomposes a request into tasks, others execute
 * them in parallel. With `withModel("…")`, `execute` also takes an objective as text, and the model writes the tasks.
 */
import { OrchestratorBuilder, Task, Worker } from "../src/pattern.ts";

const shouter = Worker({ name: "shouter", taskTypes: ["shout"], handler: ({ input }) => String(input).toUpperCase() });
const counter = Worker({ name: "counter", taskTypes: ["count"], handler: ({ input }) => String(input).length });
const examiner = Worker({
  name: "examiner",
  taskTypes: ["examine"],
  concurrencyLimit: 2,
  handler: ({ input }) => [Task({ id: "shout", type: "shout", input }), Task({ id: "count", type: "count", input })],
});

await using orchestrator = await OrchestratorBuilder()
  .addWorker(examiner)
  .addWorker(shouter)
  .addWorker(counter)
  .build();
console.log(await orchestrator.execute(Task({ id: "all", type: "examine", input: "tutti" })));

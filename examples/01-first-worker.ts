import { z } from "zod";
import { tutti, worker } from "../src/index.ts";

const greet = worker("greet", {
  input: z.object({ name: z.string() }),
  output: z.object({ greeting: z.string() }),
  run: ({ input }) => ({ greeting: `Hello, ${input.name}!` }),
});

await using app = await tutti({ workers: [greet] });
console.log((await app.run(greet, { name: "Ada" })).greeting);

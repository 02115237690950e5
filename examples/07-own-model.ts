/**
 * A worker that asks a model, at any OpenAI-compatible endpoint: set OPENAI_BASE_URL, OPENAI_API_KEY and TUTTI_MODEL.
 * Without one it fails, and says which variable to set.
 */
import { z } from "zod";
import { TuttiError, tutti, worker } from "../src/index.ts";

const mood = z.object({ mood: z.enum(["happy", "sad", "neither"]), because: z.string() });

const judge = worker("judge", {
  input: z.object({ text: z.string() }),
  output: mood,
  timeout: "60s",
  run: ({ input, llm }) => llm.object(mood, `What is the mood of this text?\n${input.text}`),
});

await using app = await tutti({ workers: [judge] });
try {
  const judged = await app.run(judge, { text: process.argv[2] ?? "The sun is out, and the band plays." });
  console.log(`${judged.mood}, because ${judged.because}`);
} catch (error) {
  if (!(error instanceof TuttiError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

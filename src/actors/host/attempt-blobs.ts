import { createHash } from "node:crypto";

/**
 * Where the parts of a task message are kept that are too large for it. The names follow from the attempt, so that the
 * owner of the run can keep them from expiring while the message waits on the queue.
 */
export function attemptBlobs({ reply, task, attempt }: { reply: string; task: string; attempt: number }) {
  const nameOf = (part: string) =>
    createHash("sha256").update(`${reply} ${task} ${attempt} ${part}`).digest("base64url");
  return { input: nameOf("input"), needs: nameOf("needs"), parts: nameOf("parts") };
}

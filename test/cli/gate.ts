import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";

/** Holds the tasks of type `gated`, which ask it by HTTP, until it is opened. */
export class Gate implements AsyncDisposable {
  readonly #waiting: ServerResponse[] = [];
  #open = false;
  readonly #server = createServer((_, response) => {
    if (this.#open) response.end("open");
    else this.#waiting.push(response);
  });

  static async start(): Promise<Gate> {
    const gate = new Gate();
    gate.#server.listen(0, "127.0.0.1");
    await once(gate.#server, "listening");
    return gate;
  }

  /** For the process that has the worker. */
  get env(): Record<string, string> {
    return { GATE_URL: `http://127.0.0.1:${(this.#server.address() as { port: number }).port}` };
  }

  open(): void {
    this.#open = true;
    for (const response of this.#waiting.splice(0)) response.end("open");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

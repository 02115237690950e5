import { Agent } from "node:http";
import { Socket } from "node:net";

/** The exporter's connections. */
export interface ExportAgent extends Agent {
  /** Ends them, and refuses new ones with an error that the exporter does not try again. */
  close(): void;
}

/**
 * An exporter whose endpoint is down tries again for ten seconds, and its shutdown has no way to say "enough": that
 * would keep a process alive which has nothing else to do. So its connections are taken from it.
 */
export function createExportAgent(): ExportAgent {
  const agent = new Agent({ keepAlive: true });
  const close = () => {
    agent.createConnection = () => {
      const refused = Object.assign(new Error("telemetry has stopped"), { code: "ECANCELED" });
      return new Socket().destroy(refused);
    };
    agent.destroy();
  };
  return Object.assign(agent, { close });
}

import { connectNats } from "../../../src/bus/nats/bus.ts";
import { describeBusContract } from "../../contract/bus.ts";
import { startNatsServer } from "../../support/nats-server.ts";

describeBusContract("nats", async () => {
  const server = await startNatsServer();
  return {
    connect: () => connectNats({ servers: server.url }),
    stop: () => server.stop(),
  };
});

import { Svcm } from "@nats-io/services";
import type { Msg } from "@nats-io/transport-node";
import type { ServiceDefinition, Stoppable } from "../port.ts";
import { callHandler } from "./call-handler.ts";
import { toBusError } from "./errors.ts";
import type { Link } from "./link.ts";
import { toMessage } from "./message.ts";

/** Starts a micro service; its instances share the requests through the queue group that ADR-32 names, `q`. */
export async function startService(link: Link, definition: ServiceDefinition): Promise<Stoppable> {
  const { name, version, description, endpoints } = definition;
  try {
    // The package's types refer to an older nats-core, its own dependency.
    const services = new Svcm(link.nc as unknown as ConstructorParameters<typeof Svcm>[0]);
    const service = await services.add({ name, version, description });
    for (const endpoint of endpoints) {
      service.addEndpoint(endpoint.name, {
        subject: endpoint.subject,
        handler: (error, message) => {
          if (!error) callHandler(endpoint.handler, toMessage(link, inside(message)));
        },
      });
    }
    await link.flush();
    return { stop: () => link.briefly(service.stop()) };
  } catch (error) {
    throw toBusError(error, `service ${name}`);
  }
}

/** The received message: the service's wrapper of it does not have `size`. */
const inside = (message: object): Msg => (message as { readonly msg: Msg }).msg;

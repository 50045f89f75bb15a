import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as WireStatus,
} from "../../../gen/grpc/health/v1/health_pb.ts";
import type { Health } from "./health.ts";

/**
 * Adds the rpcs of grpc.health.v1.
 *
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function healthRpcs(router: ConnectRouter, health: Health): void {
  router.service(HealthService, {
    check({ service }) {
      if (!health.services.has(service)) throw new ConnectError(`there is no service ${service} here`, Code.NotFound);
      return { status: WireStatus[health.status] };
    },

    async *watch({ service }, { signal }) {
      for await (const status of health.watch(service, signal)) yield { status: WireStatus[status] };
    },

    list() {
      const status = { status: WireStatus[health.status] };
      return { statuses: Object.fromEntries([...health.services].map((service) => [service, status])) };
    },
  });
}

import type { DescService } from "@bufbuild/protobuf";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { QueryClient } from "@tanstack/react-query";
import { problemOf } from "./problem.ts";

/** What is asked again by itself: only what did not reach the server. */
const PASSING = new Set(["STORE_UNAVAILABLE", "SERVER_STOPPING", "SERVER_BUSY", ""]);

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A server on the reader's own machine, or in their house, answers without the internet.
      networkMode: "always",
      staleTime: 15_000,
      retry: (count, error) => {
        const { reason, isUnauthenticated, isCanceled } = problemOf(error);
        return count < 2 && !isUnauthenticated && !isCanceled && PASSING.has(reason);
      },
      refetchOnWindowFocus: false,
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

/** The page behind a page, for lists that go on. */
export const nextPage = ({ nextPageToken }: { nextPageToken: string }) => nextPageToken || undefined;

/** Has everything of a service asked again: at once what is on the screen, the rest when it is. */
export function refresh(schema: DescService): void {
  void queryClient.invalidateQueries({ queryKey: createConnectQueryKey({ schema, cardinality: undefined }) });
}

import type { DescService } from "@bufbuild/protobuf";
import { createConnectQueryKey } from "@connectrpc/connect-query";
import { MutationCache, partialMatchKey, QueryClient } from "@tanstack/react-query";
import { isPassing, problemOf } from "./problem.ts";
import { tellTabs } from "./tabs.ts";

export const queryClient = new QueryClient({
  mutationCache: new MutationCache({ onSuccess: () => tellTabs({ kind: "changed" }) }),
  defaultOptions: {
    queries: {
      // A server on the reader's own machine, or in their house, answers without the internet.
      networkMode: "always",
      staleTime: 15_000,
      retry: (count, error) => {
        const problem = problemOf(error);
        return count < 2 && !problem.isUnauthenticated && !problem.isCanceled && isPassing(problem);
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

/** Has everything that is on the screen asked again, but what is of a service. */
export function refreshAllBut(schema: DescService): void {
  const spared = createConnectQueryKey({ schema, cardinality: undefined });
  void queryClient.invalidateQueries({ predicate: ({ queryKey }) => !partialMatchKey(queryKey, spared) });
}

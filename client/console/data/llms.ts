import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  callUnaryMethod,
  createConnectQueryKey,
  useInfiniteQuery,
  useMutation,
  useQuery,
} from "@connectrpc/connect-query";
import { type InfiniteData, useQuery as usePlainQuery } from "@tanstack/react-query";
import { type Llm, Llm_ProviderType, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import {
  ListLlmsRequest_Direction as Direction,
  type ListLlmsRequestSchema,
  type ListLlmsResponse,
  LlmService,
  ListLlmsRequest_OrderBy as OrderBy,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ModelState_State } from "../../../gen/patchbay/v1/model_state_pb.ts";
import { problemOf } from "../calls/problem.ts";
import { queryClient, refresh } from "../calls/query.ts";
import { transport } from "../calls/transport.ts";

export type { Llm };

export { Direction, Llm_ProviderType as ProviderType, Llm_Status as Status, ModelState_State as ModelState, OrderBy };

export type LlmFilter = Omit<MessageInitShape<typeof ListLlmsRequestSchema>, "pageToken" | "pageSize" | "$typeName">;

const PAGE_SIZE = 100;

/** Page behind page; the total comes with the first one. */
export function useLlms(filter: LlmFilter, isEnabled = true) {
  return useInfiniteQuery(
    LlmService.method.listLlms,
    { ...filter, pageSize: PAGE_SIZE, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
      enabled: isEnabled,
      placeholderData: (before) => before,
    },
  );
}

export function useLlm(llmId: string, { showDeleted = false, isEnabled = true } = {}) {
  return useQuery(
    LlmService.method.getLlm,
    { llmId, showDeleted },
    { enabled: isEnabled && llmId !== "", select: ({ llm }) => llm },
  );
}

const MOST_NAMES = 100;
const NAMELESS: ReadonlyMap<string, Llm> = new Map();

/** What people call Llms: as far as they are still there, and up to a hundred of them. */
export function useLlmNames(llmIds: readonly string[]): ReadonlyMap<string, Llm> {
  const { data } = usePlainQuery({
    queryKey: ["llm-names", llmIds.slice(0, MOST_NAMES)],
    enabled: llmIds.length > 0,
    queryFn: async ({ signal }) =>
      new Map((await getLlms(llmIds.slice(0, MOST_NAMES), signal)).map((llm) => [llm.llmId, llm])),
    placeholderData: (before) => before,
  });
  return data ?? NAMELESS;
}

/** All at once; if one of them is gone, again without it. */
async function getLlms(llmIds: readonly string[], signal: AbortSignal): Promise<readonly Llm[]> {
  try {
    const { llms } = await callUnaryMethod(
      transport,
      LlmService.method.batchGetLlms,
      { llmIds: [...llmIds] },
      { signal },
    );
    return llms;
  } catch (error) {
    const missing = problemOf(error).metadata.llmId;
    if (!missing || !llmIds.includes(missing)) throw error;
    const others = llmIds.filter((llmId) => llmId !== missing);
    return others.length > 0 ? getLlms(others, signal) : [];
  }
}

/** What the endpoint of an Llm lists; asked of the endpoint when somebody looks. */
export function useLlmModels(llmId: string, isEnabled: boolean) {
  return useQuery(LlmService.method.listLlmModels, { llmId }, { enabled: isEnabled, retry: false });
}

/** Mutations whose answer is the Llm as it is now. */
export const useUpdateLlm = () => useMutation(LlmService.method.updateLlm, { onSuccess: ({ llm }) => keepLlm(llm) });
export const useUndeleteLlm = () => useMutation(LlmService.method.undeleteLlm, { onSuccess: () => refreshLlms() });
export const useSetDefaultLlm = () => useMutation(LlmService.method.setDefaultLlm, { onSuccess: () => refreshLlms() });
export const useAddPending = () =>
  useMutation(LlmService.method.addPendingCredentials, { onSuccess: ({ llm }) => keepLlm(llm) });
export const usePromote = () =>
  useMutation(LlmService.method.promoteCredentials, { onSuccess: ({ llm }) => keepLlm(llm) });
export const useRevert = () =>
  useMutation(LlmService.method.revertCredentials, { onSuccess: ({ llm }) => keepLlm(llm) });
export const useRetire = () =>
  useMutation(LlmService.method.retireCredentials, { onSuccess: ({ llm }) => keepLlm(llm) });
export const useCreateLlm = () => useMutation(LlmService.method.createLlm, { onSuccess: () => refreshLlms() });
export const useDeleteLlm = () => useMutation(LlmService.method.deleteLlm, { onSuccess: () => refreshLlms() });
export const useTestLlm = () => useMutation(LlmService.method.testLlm, { onSuccess: () => refreshLlms() });
export const useTestConnection = () => useMutation(LlmService.method.testConnection);

const listKey = createConnectQueryKey({ schema: LlmService.method.listLlms, cardinality: "infinite" });

/** The rpcs that forms ask for words on what is being typed. */
export const llmMethods = LlmService.method;

/** Has everything about Llms asked again, where it is on the screen. */
export function refreshLlms(): void {
  refresh(LlmService);
}

/**
 * Puts an Llm, as it is now, wherever it is shown. What was to be asked again still is: a list may lack what one event
 * tells of while another one changes what it has.
 */
export function keepLlm(llm: Llm | undefined): void {
  if (!llm) return;
  const cache = queryClient.getQueryCache();
  for (const query of cache.findAll({ queryKey: listKey })) {
    const data = query.state.data as InfiniteData<ListLlmsResponse> | undefined;
    if (!data?.pages.some(({ llms }) => llms.some(({ llmId }) => llmId === llm.llmId))) continue;
    const replace = (page: ListLlmsResponse): ListLlmsResponse => ({
      ...page,
      llms: page.llms.map((other) => (other.llmId === llm.llmId ? llm : other)),
    });
    query.setState({ data: { ...data, pages: data.pages.map(replace) } });
  }
  const getKey = createConnectQueryKey({
    schema: LlmService.method.getLlm,
    input: { llmId: llm.llmId },
    cardinality: "finite",
  });
  for (const query of cache.findAll({ queryKey: getKey })) {
    if (query.state.data) query.setState({ data: { ...(query.state.data as object), llm } });
  }
}

/** Asks for the lists again; a list of many pages is left to the reader, and `false` says so. */
export function refreshShortLists(): boolean {
  const lists = queryClient.getQueryCache().findAll({ queryKey: listKey, type: "active" });
  const isShort = lists.every(
    ({ state }) => ((state.data as InfiniteData<unknown> | undefined)?.pages.length ?? 0) <= 3,
  );
  if (isShort) void queryClient.invalidateQueries({ queryKey: listKey });
  return isShort;
}

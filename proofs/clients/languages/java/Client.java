import com.google.gson.Gson;
import com.google.rpc.ErrorInfo;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import patchbay.v1.ChatServiceGrpc;
import patchbay.v1.CreateLlmRequest;
import patchbay.v1.ListLlmsRequest;
import patchbay.v1.ListLlmsResponse;
import patchbay.v1.Llm;
import patchbay.v1.LlmServiceGrpc;
import patchbay.v1.StreamChatRequest;
import patchbay.v1.StreamChatResponse;
import patchbay.v1.WatchLlmsRequest;
import patchbay.v1.WatchLlmsResponse;

/** Calls a Patchbay server over gRPC and prints what came of it, as JSON. Usage: HOST:PORT API_KEY ENDPOINT_URL */
public class Client {
  private final LlmServiceGrpc.LlmServiceBlockingStub llms;
  private final ChatServiceGrpc.ChatServiceBlockingStub chat;
  private final String endpointUrl;

  Client(ManagedChannel channel, String apiKey, String endpointUrl) {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + apiKey);
    var key = MetadataUtils.newAttachHeadersInterceptor(header);
    this.llms = LlmServiceGrpc.newBlockingStub(channel).withInterceptors(key);
    this.chat = ChatServiceGrpc.newBlockingStub(channel).withInterceptors(key);
    this.endpointUrl = endpointUrl;
  }

  public static void main(String[] args) {
    ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    System.out.println(new Gson().toJson(new Client(channel, args[1], args[2]).report()));
    channel.shutdownNow();
  }

  private Map<String, Object> report() {
    Llm slow = create("slow");
    Llm silent = create("silent");
    Llm stalling = create("stalling");
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("created", Map.of("id", slow.getLlmId(), "labels", slow.getLabelsMap()));
    report.put("duplicate", failureOf(() -> create("slow")));
    report.put("listed", list());
    report.put("streamed", stream(slow));
    report.put("late", failureOf(() -> chat.withDeadlineAfter(300, TimeUnit.MILLISECONDS)
        .streamChat(hello(silent)).forEachRemaining(event -> {})));
    report.put("left", failureOf(() -> leave(stalling)));
    report.put("watched", watch());
    return report;
  }

  private Llm create(String model) {
    CreateLlmRequest request = CreateLlmRequest.newBuilder()
        .setDisplayName("From Java")
        .setProviderType(Llm.ProviderType.VLLM)
        .setEndpointUrl(endpointUrl)
        .setModelIdentifier(model)
        .putLabels("language", "Java")
        .build();
    return llms.createLlm(request).getLlm();
  }

  /** All ids, by pages of two. */
  private List<String> list() {
    List<String> ids = new ArrayList<>();
    String token = "";
    do {
      ListLlmsResponse page = llms.listLlms(ListLlmsRequest.newBuilder().setPageSize(2).setPageToken(token).build());
      page.getLlmsList().forEach(llm -> ids.add(llm.getLlmId()));
      token = page.getNextPageToken();
    } while (!token.isEmpty());
    return ids;
  }

  private static StreamChatRequest hello(Llm llm) {
    return StreamChatRequest.newBuilder().setLlmId(llm.getLlmId()).setMessage("Hi").build();
  }

  /** The words of a chat, the time between the first and the last, and how it ended. */
  private Map<String, Object> stream(Llm llm) {
    List<String> words = new ArrayList<>();
    List<Long> times = new ArrayList<>();
    String stopReason = "";
    Iterator<StreamChatResponse> events = chat.streamChat(hello(llm));
    while (events.hasNext()) {
      StreamChatResponse event = events.next();
      if (event.hasTextDelta()) {
        words.add(event.getTextDelta());
        times.add(System.nanoTime());
      } else if (event.hasEnd()) {
        stopReason = event.getEnd().getStopReason().name();
      }
    }
    long ms = (times.get(times.size() - 1) - times.get(0)) / 1_000_000;
    return Map.of("words", words, "ms", ms, "stopReason", stopReason);
  }

  /** Cancels a chat after its first word. */
  private void leave(Llm llm) {
    Context.CancellableContext context = Context.current().withCancellation();
    context.run(() -> chat.streamChat(hello(llm)).forEachRemaining(event -> {
      if (event.hasTextDelta()) context.cancel(null);
    }));
  }

  /** Sees an Llm be made. */
  private Map<String, Object> watch() {
    Context.CancellableContext context = Context.current().withCancellation();
    List<String> kinds = new ArrayList<>();
    Map<String, Object> seen = new LinkedHashMap<>();
    context.run(() -> {
      Iterator<WatchLlmsResponse> events = llms.watchLlms(WatchLlmsRequest.getDefaultInstance());
      while (events.hasNext()) {
        WatchLlmsResponse event = events.next();
        kinds.add(event.getKind().name());
        if (kinds.size() == 1) seen.put("made", create("watched").getLlmId());
        if (event.getKind() != WatchLlmsResponse.Kind.CREATED) continue;
        seen.put("id", event.getLlmId());
        break;
      }
    });
    context.cancel(null);
    seen.put("first", kinds.get(0));
    return seen;
  }

  /** What a call that must fail failed with, and how long it took. */
  private static Map<String, Object> failureOf(Runnable call) {
    long started = System.nanoTime();
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      Map<String, Object> failure = new LinkedHashMap<>();
      failure.put("code", error.getStatus().getCode().name());
      failure.put("message", String.valueOf(error.getStatus().getDescription()));
      failure.put("ms", (System.nanoTime() - started) / 1_000_000);
      com.google.rpc.Status status = StatusProto.fromThrowable(error);
      if (status == null) return failure;
      status.getDetailsList().stream().filter(detail -> detail.is(ErrorInfo.class)).forEach(detail -> {
        try {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          failure.put("reason", info.getReason());
          failure.put("metadata", info.getMetadataMap());
        } catch (com.google.protobuf.InvalidProtocolBufferException impossible) {
          throw new IllegalStateException(impossible);
        }
      });
      return failure;
    }
    throw new IllegalStateException("the call succeeded, and should not have");
  }
}

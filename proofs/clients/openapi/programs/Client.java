import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.LlmServiceApi;
import org.openapitools.client.model.CreateLlmRequest;
import org.openapitools.client.model.ListLlmsResponse;
import org.openapitools.client.model.LlmProviderType;

/** Lists and creates by the client that openapi-generator makes for Java. */
public class Client {
  public static void main(String[] args) throws Exception {
    ApiClient client = new ApiClient();
    client.setBasePath(System.getenv("PATCHBAY_URL"));
    client.setBearerToken(System.getenv("PATCHBAY_KEY"));
    LlmServiceApi llms = new LlmServiceApi(client);
    CreateLlmRequest request = new CreateLlmRequest()
        .displayName("openapi-generator")
        .providerType(LlmProviderType.CUSTOM_OPENAI_COMPATIBLE)
        .endpointUrl("patchbay:demo")
        .modelIdentifier("demo")
        .labels(Map.of("by", "java"));
    Object made = llms.llmServiceCreateLlm(request).getLlm().getLlmId();
    String said = "";
    try {
      llms.llmServiceCreateLlm(request);
    } catch (ApiException error) {
      said = error.getResponseBody();
    }
    String reason = said.replaceFirst("(?s).*\"reason\":\\s*\"(\\w+)\".*", "$1");
    Object listed = list(llms).getLlms().get(0).getLlmId();
    System.out.println(made.equals(listed) + " " + reason);
  }

  /** It has a parameter for each of the query's, all optional: the first list of them is of labels. */
  private static ListLlmsResponse list(LlmServiceApi llms) throws Exception {
    Method method = Arrays.stream(LlmServiceApi.class.getMethods())
        .filter(one -> one.getName().equals("llmServiceListLlms"))
        .findFirst().orElseThrow();
    Object[] parameters = new Object[method.getParameterCount()];
    parameters[Arrays.asList(method.getParameterTypes()).indexOf(List.class)] = List.of("by=java");
    return (ListLlmsResponse) method.invoke(llms, parameters);
  }
}

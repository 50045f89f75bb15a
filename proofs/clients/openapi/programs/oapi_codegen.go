// Lists and creates by the client that oapi-codegen makes.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"example.com/app/api"
)

func main() {
	key := func(_ context.Context, request *http.Request) error {
		request.Header.Set("authorization", "Bearer "+os.Getenv("PATCHBAY_KEY"))
		return nil
	}
	client, err := api.NewClientWithResponses(os.Getenv("PATCHBAY_URL"), api.WithRequestEditorFn(key))
	check(err)
	ctx := context.Background()
	labels, only := map[string]string{"by": "go"}, []string{"by=go"}
	provider, endpoint := api.LlmProviderType("CUSTOM_OPENAI_COMPATIBLE"), "patchbay:demo"
	request := api.CreateLlmRequest{
		DisplayName:     "oapi-codegen",
		ProviderType:    &provider,
		EndpointUrl:     &endpoint,
		ModelIdentifier: "demo",
		Labels:          &labels,
	}
	created, err := client.LlmServiceCreateLlmWithResponse(ctx, request)
	check(err)
	again, err := client.LlmServiceCreateLlmWithResponse(ctx, request)
	check(err)
	listed, err := client.LlmServiceListLlmsWithResponse(ctx, &api.LlmServiceListLlmsParams{Labels: &only})
	check(err)
	isListed := *listed.JSON200.Llms[0].LlmId == *created.JSON200.Llm.LlmId
	fmt.Println(isListed, *again.JSON409.Error.Details[0].Reason)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

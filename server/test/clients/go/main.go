// Calls a Patchbay server over gRPC and prints what came of it, as JSON: as a program of a user's does, or the cases of
// gRPC's interop tests.
//
// Usage: client HOST:PORT API_KEY ENDPOINT_URL [interop]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	patchbay "patchbay/client/gen/patchbay/v1"
)

func main() {
	address, apiKey, endpointURL := os.Args[1], os.Args[2], os.Args[3]
	encodings := &encodings{}
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler(encodings)}
	connection, err := grpc.NewClient(address, options...)
	check(err)
	defer connection.Close()
	calls := caller{
		llms:        patchbay.NewLlmServiceClient(connection),
		chat:        patchbay.NewChatServiceClient(connection),
		endpointURL: endpointURL,
	}
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+apiKey)
	if len(os.Args) > 4 {
		check(json.NewEncoder(os.Stdout).Encode(calls.interop(ctx, connection, encodings)))
		return
	}

	slow, err := calls.create(ctx, "slow")
	check(err)
	silent, err := calls.create(ctx, "silent")
	check(err)
	stalling, err := calls.create(ctx, "stalling")
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"created":   map[string]any{"id": slow.LlmId, "labels": slow.Labels},
		"duplicate": failureOf(func() error { _, err := calls.create(ctx, "slow"); return err }),
		"listed":    calls.list(ctx),
		"streamed":  calls.stream(ctx, slow),
		"late":      failureOf(func() error { return calls.late(ctx, silent) }),
		"left":      failureOf(func() error { return calls.leave(ctx, stalling) }),
		"watched":   calls.watch(ctx),
	}))
}

type caller struct {
	llms        patchbay.LlmServiceClient
	chat        patchbay.ChatServiceClient
	endpointURL string
}

func (c caller) create(ctx context.Context, model string) (*patchbay.Llm, error) {
	response, err := c.llms.CreateLlm(ctx, &patchbay.CreateLlmRequest{
		DisplayName:     "From Go",
		ProviderType:    patchbay.Llm_VLLM,
		EndpointUrl:     c.endpointURL,
		ModelIdentifier: model,
		Labels:          map[string]string{"language": "Go"},
	})
	return response.GetLlm(), err
}

// All ids, by pages of two.
func (c caller) list(ctx context.Context) []string {
	ids := []string{}
	request := &patchbay.ListLlmsRequest{PageSize: 2}
	for {
		page, err := c.llms.ListLlms(ctx, request)
		check(err)
		for _, llm := range page.Llms {
			ids = append(ids, llm.LlmId)
		}
		if page.NextPageToken == "" {
			return ids
		}
		request.PageToken = page.NextPageToken
	}
}

// The words of a chat, the time between the first and the last, and how it ended.
func (c caller) stream(ctx context.Context, llm *patchbay.Llm) map[string]any {
	words := []string{}
	var first, last time.Time
	var stopReason patchbay.StopReason
	check(c.eachEvent(ctx, llm, func(event *patchbay.StreamChatResponse) {
		switch event := event.Event.(type) {
		case *patchbay.StreamChatResponse_TextDelta:
			words = append(words, event.TextDelta)
			last = time.Now()
			if first.IsZero() {
				first = last
			}
		case *patchbay.StreamChatResponse_End:
			stopReason = event.End.StopReason
		}
	}))
	return map[string]any{"words": words, "ms": last.Sub(first).Milliseconds(), "stopReason": stopReason.String()}
}

// Asks for a chat that never comes.
func (c caller) late(ctx context.Context, llm *patchbay.Llm) error {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	return c.eachEvent(ctx, llm, func(*patchbay.StreamChatResponse) {})
}

// Cancels a chat after its first word.
func (c caller) leave(ctx context.Context, llm *patchbay.Llm) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return c.eachEvent(ctx, llm, func(event *patchbay.StreamChatResponse) {
		if event.GetTextDelta() != "" {
			cancel()
		}
	})
}

// Sees an Llm be made.
func (c caller) watch(ctx context.Context) map[string]any {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := c.llms.WatchLlms(ctx, &patchbay.WatchLlmsRequest{})
	check(err)
	first, err := events.Recv()
	check(err)
	made, err := c.create(ctx, "watched")
	check(err)
	for {
		event, err := events.Recv()
		check(err)
		if event.Kind == patchbay.WatchLlmsResponse_CREATED {
			return map[string]any{"first": first.Kind.String(), "id": event.LlmId, "made": made.LlmId}
		}
	}
}

func (c caller) eachEvent(ctx context.Context, llm *patchbay.Llm, see func(*patchbay.StreamChatResponse)) error {
	events, err := c.chat.StreamChat(ctx, &patchbay.StreamChatRequest{LlmId: llm.LlmId, Message: "Hi"})
	if err != nil {
		return err
	}
	for {
		event, err := events.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		see(event)
	}
}

// What a call that must fail failed with, and how long it took.
func failureOf(call func() error) map[string]any {
	started := time.Now()
	err := call()
	if err == nil {
		log.Fatal("the call succeeded, and should not have")
	}
	failure := map[string]any{"ms": time.Since(started).Milliseconds()}
	said := status.Convert(err)
	failure["code"], failure["message"] = code.Code(said.Code()).String(), said.Message()
	for _, detail := range said.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			failure["reason"], failure["metadata"] = info.Reason, info.Metadata
		}
	}
	return failure
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	patchbay "patchbay/client/gen/patchbay/v1"
)

// The cases of gRPC's interop tests, said with Patchbay's own rpcs, and what came of each.
// https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
func (c caller) interop(ctx context.Context, connection *grpc.ClientConn, encodings *encodings) map[string]any {
	// First of all, as long as there is nothing to list.
	nothing, err := c.llms.ListLlms(ctx, &patchbay.ListLlmsRequest{})
	emptyUnary := map[string]any{"code": codeOf(err), "size": proto.Size(nothing)}

	large, streaming := c.mustCreate(ctx, "large"), c.mustCreate(ctx, "streaming")
	silent, stalling := c.mustCreate(ctx, "silent"), c.mustCreate(ctx, "stalling")
	report := map[string]any{"empty_unary": emptyUnary}

	report["large_unary"] = c.say(ctx, large, 271_828)
	report["client_compressed_unary"] = c.say(ctx, large, 271_828, grpc.UseCompressor(gzip.Name))
	report["server_compressed_unary"] = encodings.last
	report["server_streaming"] = c.listen(ctx, streaming, 0)
	report["server_compressed_streaming"] = encodings.last

	_, err = c.llms.GetLlm(ctx, &patchbay.GetLlmRequest{LlmId: nobody})
	unknown := c.listen(ctx, &patchbay.Llm{LlmId: nobody}, 0)
	report["status_code_and_message"] = []any{outcomeOf(err), unknown["outcome"]}
	etag := "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
	_, err = c.llms.UpdateLlm(ctx, &patchbay.UpdateLlmRequest{LlmId: large.LlmId, Etag: etag, Description: proto.String("new")})
	report["special_status_message"] = outcomeOf(err)
	for name, path := range map[string]string{
		"unimplemented_method":  "/patchbay.v1.LlmService/UnimplementedCall",
		"unimplemented_service": "/patchbay.v1.UnimplementedService/UnimplementedCall",
	} {
		report[name] = outcomeOf(connection.Invoke(ctx, path, &emptypb.Empty{}, &emptypb.Empty{}))
	}

	begun, cancel := context.WithCancel(ctx)
	time.AfterFunc(300*time.Millisecond, cancel)
	report["cancel_after_begin"] = c.listen(begun, silent, 0)
	report["cancel_after_first_response"] = c.listen(ctx, stalling, 1)
	hurried, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	report["timeout_on_sleeping_server"] = c.listen(hurried, silent, 0)

	report["custom_metadata"] = c.sendMetadata(ctx, large)
	report["empty_stream"] = pingPong(ctx, connection)
	report["ping_pong"] = pingPong(ctx, connection, "patchbay.v1.Llm", "patchbay.v1.Nothing", "patchbay.v1.ChatService")
	return report
}

const nobody = "00000000-0000-4000-8000-000000000000"

func (c caller) mustCreate(ctx context.Context, model string) *patchbay.Llm {
	llm, err := c.create(ctx, model)
	check(err)
	return llm
}

// Sends so many bytes; how many come back.
func (c caller) say(ctx context.Context, llm *patchbay.Llm, size int, options ...grpc.CallOption) map[string]any {
	request := &patchbay.ChatRequest{LlmId: llm.LlmId, Message: strings.Repeat("x", size)}
	response, err := c.chat.Chat(ctx, request, options...)
	return map[string]any{"outcome": outcomeOf(err), "size": len(response.GetMessage().GetContent())}
}

// The sizes of a chat's words, and how it ended; it is left after so many of them, unless that is 0.
func (c caller) listen(ctx context.Context, llm *patchbay.Llm, most int) map[string]any {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sizes := []int{}
	err := c.eachEvent(ctx, llm, func(event *patchbay.StreamChatResponse) {
		if word := event.GetTextDelta(); word != "" {
			sizes = append(sizes, len(word))
		}
		if most > 0 && len(sizes) == most {
			cancel()
		}
	})
	return map[string]any{"outcome": outcomeOf(err), "sizes": sizes}
}

// The request ids that come back with metadata of the caller's own, of a single answer and of a stream.
func (c caller) sendMetadata(ctx context.Context, llm *patchbay.Llm) []string {
	ctx = metadata.AppendToOutgoingContext(ctx,
		"x-grpc-test-echo-initial", "test_initial_metadata_value",
		"x-grpc-test-echo-trailing-bin", "\xab\xab\xab",
	)
	var unary metadata.MD
	_, err := c.llms.GetLlm(ctx, &patchbay.GetLlmRequest{LlmId: llm.LlmId}, grpc.Header(&unary))
	check(err)
	stream, err := c.chat.StreamChat(ctx, &patchbay.StreamChatRequest{LlmId: llm.LlmId, Message: "Hi"})
	check(err)
	streamed, err := stream.Header()
	check(err)
	return append(unary.Get("x-request-id"), streamed.Get("x-request-id")...)
}

// Asks reflection for symbols, each after the answer to the one before; whether each was known, and how it ended.
func pingPong(ctx context.Context, connection *grpc.ClientConn, symbols ...string) map[string]any {
	stream, err := reflection.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	check(err)
	known := []bool{}
	for _, symbol := range symbols {
		request := &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol}
		check(stream.Send(&reflection.ServerReflectionRequest{MessageRequest: request}))
		answer, err := stream.Recv()
		check(err)
		known = append(known, answer.GetFileDescriptorResponse() != nil)
	}
	check(stream.CloseSend())
	_, err = stream.Recv()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return map[string]any{"outcome": outcomeOf(err), "known": known}
}

// Watches how the answers are compressed.
type encodings struct{ last string }

func (e *encodings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (e *encodings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (e *encodings) HandleConn(context.Context, stats.ConnStats)                       {}
func (e *encodings) HandleRPC(_ context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok {
		e.last = header.Compression
	}
}

func codeOf(err error) string {
	return code.Code(status.Convert(err).Code()).String()
}

func outcomeOf(err error) map[string]any {
	return map[string]any{"code": codeOf(err), "message": status.Convert(err).Message()}
}

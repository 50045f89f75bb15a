// Package patchbay is the client of a Patchbay server: a connection that knows the key, and errors unpacked. The stubs are
// in patchbay.internal/patchbay/v1.
package patchbay

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Dial makes a connection for the stubs. It connects when the first call is made.
//
// The server is like http://127.0.0.1:8080 or https://patchbay.example.com; the key goes along with every call.
func Dial(server, apiKey string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	said, err := url.Parse(server)
	if err != nil || said.Hostname() == "" || (said.Scheme != "http" && said.Scheme != "https") {
		return nil, fmt.Errorf("server must be like http://127.0.0.1:8080 or https://patchbay.example.com, and is %q", server)
	}
	isSecure := said.Scheme == "https"
	transport, port := insecure.NewCredentials(), "80"
	if isSecure {
		transport, port = credentials.NewTLS(nil), "443"
	}
	if said.Port() != "" {
		port = said.Port()
	}
	all := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(key{header: "Bearer " + apiKey, isSecure: isSecure}),
	}, options...)
	return grpc.NewClient(net.JoinHostPort(said.Hostname(), port), all...)
}

type key struct {
	header   string
	isSecure bool
}

func (k key) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": k.header}, nil
}

func (k key) RequireTransportSecurity() bool { return k.isSecure }

// Problem is what an error of a call says, unpacked.
type Problem struct {
	Code codes.Code
	// Reason is a word of Reason in patchbay/v1/reason.proto; empty when the error did not come from the server.
	Reason   string
	Message  string
	Metadata map[string]string
	// Fields says what is wrong with which field.
	Fields []*errdetails.BadRequest_FieldViolation
	// RetryAfter is 0 where the server says nothing of it.
	RetryAfter time.Duration
	// RequestID names the call in the server's log.
	RequestID string
}

// ProblemOf reads the error of a call.
func ProblemOf(err error) Problem {
	said := status.Convert(err)
	problem := Problem{Code: said.Code(), Message: said.Message()}
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			problem.Reason, problem.Metadata = detail.Reason, detail.Metadata
		case *errdetails.BadRequest:
			problem.Fields = detail.FieldViolations
		case *errdetails.RetryInfo:
			problem.RetryAfter = detail.RetryDelay.AsDuration()
		case *errdetails.RequestInfo:
			problem.RequestID = detail.RequestId
		}
	}
	return problem
}

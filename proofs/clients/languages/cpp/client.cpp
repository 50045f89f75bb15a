// Calls a Patchbay server over gRPC and prints what came of it, as JSON. Usage: HOST:PORT API_KEY ENDPOINT_URL
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include "google/rpc/code.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "patchbay/v1/chat_service.grpc.pb.h"
#include "patchbay/v1/llm_service.grpc.pb.h"

namespace v1 = patchbay::v1;
using google::protobuf::ListValue;
using google::protobuf::Struct;
using Clock = std::chrono::steady_clock;

static double Milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

static Struct StringsOf(const google::protobuf::Map<std::string, std::string>& map) {
  Struct strings;
  for (const auto& [key, value] : map) (*strings.mutable_fields())[key].set_string_value(value);
  return strings;
}

class Client {
 public:
  Client(const std::string& address, const std::string& api_key, const std::string& endpoint_url)
      : header_("Bearer " + api_key), endpoint_url_(endpoint_url) {
    auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
    llms_ = v1::LlmService::NewStub(channel);
    chat_ = v1::ChatService::NewStub(channel);
  }

  Struct Report() {
    v1::Llm slow = Create("slow"), silent = Create("silent"), stalling = Create("stalling");
    Struct report, created;
    auto& fields = *report.mutable_fields();
    (*created.mutable_fields())["id"].set_string_value(slow.llm_id());
    *(*created.mutable_fields())["labels"].mutable_struct_value() = StringsOf(slow.labels());
    *fields["created"].mutable_struct_value() = created;
    *fields["duplicate"].mutable_struct_value() = FailureOf([&] {
      v1::Llm none;
      return TryCreate("slow", &none);
    });
    *fields["listed"].mutable_list_value() = List();
    *fields["streamed"].mutable_struct_value() = Stream(slow);
    *fields["late"].mutable_struct_value() = FailureOf([&] { return Late(silent); });
    *fields["left"].mutable_struct_value() = FailureOf([&] { return Leave(stalling); });
    *fields["watched"].mutable_struct_value() = Watch();
    return report;
  }

 private:
  std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("authorization", header_);
    return context;
  }

  grpc::Status TryCreate(const std::string& model, v1::Llm* llm) {
    v1::CreateLlmRequest request;
    request.set_display_name("From C++");
    request.set_provider_type(v1::Llm::VLLM);
    request.set_endpoint_url(endpoint_url_);
    request.set_model_identifier(model);
    (*request.mutable_labels())["language"] = "C++";
    v1::CreateLlmResponse response;
    grpc::Status status = llms_->CreateLlm(Context().get(), request, &response);
    *llm = response.llm();
    return status;
  }

  v1::Llm Create(const std::string& model) {
    v1::Llm llm;
    Check(TryCreate(model, &llm));
    return llm;
  }

  // All ids, by pages of two.
  ListValue List() {
    ListValue ids;
    v1::ListLlmsRequest request;
    request.set_page_size(2);
    do {
      v1::ListLlmsResponse page;
      Check(llms_->ListLlms(Context().get(), request, &page));
      for (const auto& llm : page.llms()) ids.add_values()->set_string_value(llm.llm_id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  grpc::Status EachEvent(grpc::ClientContext* context, const v1::Llm& llm,
                         const std::function<void(const v1::StreamChatResponse&)>& see) {
    v1::StreamChatRequest request;
    request.set_llm_id(llm.llm_id());
    request.set_message("Hi");
    auto events = chat_->StreamChat(context, request);
    v1::StreamChatResponse event;
    while (events->Read(&event)) see(event);
    return events->Finish();
  }

  // The words of a chat, the time between the first and the last, and how it ended.
  Struct Stream(const v1::Llm& llm) {
    ListValue words;
    std::vector<Clock::time_point> times;
    std::string stop_reason;
    Check(EachEvent(Context().get(), llm, [&](const v1::StreamChatResponse& event) {
      if (event.event_case() == v1::StreamChatResponse::kTextDelta) {
        words.add_values()->set_string_value(event.text_delta());
        times.push_back(Clock::now());
      } else if (event.event_case() == v1::StreamChatResponse::kEnd) {
        stop_reason = v1::StopReason_Name(event.end().stop_reason());
      }
    }));
    Struct streamed;
    auto& fields = *streamed.mutable_fields();
    *fields["words"].mutable_list_value() = words;
    fields["ms"].set_number_value(Milliseconds(times.back() - times.front()));
    fields["stopReason"].set_string_value(stop_reason);
    return streamed;
  }

  // Asks for a chat that never comes.
  grpc::Status Late(const v1::Llm& llm) {
    auto context = Context();
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
    return EachEvent(context.get(), llm, [](const v1::StreamChatResponse&) {});
  }

  // Cancels a chat after its first word.
  grpc::Status Leave(const v1::Llm& llm) {
    auto context = Context();
    return EachEvent(context.get(), llm, [&](const v1::StreamChatResponse& event) {
      if (event.event_case() == v1::StreamChatResponse::kTextDelta) context->TryCancel();
    });
  }

  // Sees an Llm be made.
  Struct Watch() {
    auto context = Context();
    auto events = llms_->WatchLlms(context.get(), v1::WatchLlmsRequest());
    Struct watched;
    auto& fields = *watched.mutable_fields();
    v1::WatchLlmsResponse event;
    events->Read(&event);
    fields["first"].set_string_value(v1::WatchLlmsResponse_Kind_Name(event.kind()));
    fields["made"].set_string_value(Create("watched").llm_id());
    while (events->Read(&event) && event.kind() != v1::WatchLlmsResponse::CREATED) continue;
    fields["id"].set_string_value(event.llm_id());
    context->TryCancel();
    events->Finish();
    return watched;
  }

  // What a call that must fail failed with, and how long it took.
  static Struct FailureOf(const std::function<grpc::Status()>& call) {
    auto started = Clock::now();
    grpc::Status status = call();
    if (status.ok()) throw std::runtime_error("the call succeeded, and should not have");
    Struct failure;
    auto& fields = *failure.mutable_fields();
    fields["code"].set_string_value(google::rpc::Code_Name(static_cast<google::rpc::Code>(status.error_code())));
    fields["message"].set_string_value(status.error_message());
    fields["ms"].set_number_value(Milliseconds(Clock::now() - started));
    google::rpc::Status details;
    details.ParseFromString(status.error_details());
    google::rpc::ErrorInfo info;
    for (const auto& detail : details.details()) {
      if (!detail.UnpackTo(&info)) continue;
      fields["reason"].set_string_value(info.reason());
      *fields["metadata"].mutable_struct_value() = StringsOf(info.metadata());
    }
    return failure;
  }

  static void Check(const grpc::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.error_message());
  }

  std::string header_, endpoint_url_;
  std::unique_ptr<v1::LlmService::Stub> llms_;
  std::unique_ptr<v1::ChatService::Stub> chat_;
};

int main(int, char** arguments) {
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(Client(arguments[1], arguments[2], arguments[3]).Report(), &json).ok()) return 1;
  std::cout << json << std::endl;
}

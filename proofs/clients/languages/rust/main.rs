//! Calls a Patchbay server over gRPC and prints what came of it, as JSON. Usage: HOST:PORT API_KEY ENDPOINT_URL
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt;

include!(concat!(env!("OUT_DIR"), "/patchbay.rs"));
use patchbay::v1::chat_service_client::ChatServiceClient;
use patchbay::v1::llm_service_client::LlmServiceClient;
use patchbay::v1::{
    CreateLlmRequest, ListLlmsRequest, Llm, StopReason, StreamChatRequest, WatchLlmsRequest, llm, stream_chat_response::Event,
    watch_llms_response::Kind,
};

#[derive(Clone)]
struct Key(String);

impl tonic::service::Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.parse().unwrap());
        Ok(request)
    }
}

type Keyed = InterceptedService<Channel, Key>;

#[derive(Clone)]
struct Client {
    llms: LlmServiceClient<Keyed>,
    chat: ChatServiceClient<Keyed>,
    endpoint_url: String,
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let channel = Channel::from_shared(format!("http://{}", args[1])).unwrap().connect().await.unwrap();
    let key = Key(format!("Bearer {}", args[2]));
    let client = Client {
        llms: LlmServiceClient::with_interceptor(channel.clone(), key.clone()),
        chat: ChatServiceClient::with_interceptor(channel, key),
        endpoint_url: args[3].clone(),
    };
    let slow = client.create("slow").await.unwrap();
    let silent = client.create("silent").await.unwrap();
    let stalling = client.create("stalling").await.unwrap();
    let report = json!({
        "created": { "id": slow.llm_id, "labels": slow.labels },
        "duplicate": failure_of(client.create("slow")).await,
        "listed": client.list().await,
        "streamed": client.stream(&slow).await,
        "late": failure_of(client.late(&silent)).await,
        "left": client.leave(&stalling).await,
        "watched": client.watch().await,
    });
    println!("{report}");
}

impl Client {
    async fn create(&self, model: &str) -> Result<Llm, Status> {
        let request = CreateLlmRequest {
            display_name: "From Rust".into(),
            provider_type: llm::ProviderType::Vllm.into(),
            endpoint_url: self.endpoint_url.clone(),
            model_identifier: model.into(),
            labels: [("language".into(), "Rust".into())].into(),
            ..Default::default()
        };
        Ok(self.llms.clone().create_llm(request).await?.into_inner().llm.unwrap())
    }

    /// All ids, by pages of two.
    async fn list(&self) -> Vec<String> {
        let mut ids = vec![];
        let mut request = ListLlmsRequest { page_size: 2, ..Default::default() };
        loop {
            let page = self.llms.clone().list_llms(request.clone()).await.unwrap().into_inner();
            ids.extend(page.llms.into_iter().map(|llm| llm.llm_id));
            if page.next_page_token.is_empty() {
                return ids;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The words of a chat, the time between the first and the last, and how it ended.
    async fn stream(&self, llm: &Llm) -> Value {
        let mut words = vec![];
        let mut times = vec![];
        let mut stop_reason = "";
        let mut events = self.chat.clone().stream_chat(hello(llm)).await.unwrap().into_inner();
        while let Some(response) = events.message().await.unwrap() {
            match response.event {
                Some(Event::TextDelta(text)) => {
                    words.push(text);
                    times.push(Instant::now());
                }
                Some(Event::End(end)) => stop_reason = StopReason::try_from(end.stop_reason).unwrap().as_str_name(),
                _ => {}
            }
        }
        let ms = times[times.len() - 1].duration_since(times[0]).as_millis() as u64;
        json!({ "words": words, "ms": ms, "stopReason": stop_reason })
    }

    /// Asks for a chat that never comes.
    async fn late(&self, llm: &Llm) -> Result<(), Status> {
        let mut request = Request::new(hello(llm));
        request.set_timeout(Duration::from_millis(300));
        let mut events = self.chat.clone().stream_chat(request).await?.into_inner();
        while events.message().await?.is_some() {}
        Ok(())
    }

    /// Leaves a chat after its first word: in Rust, by dropping it.
    async fn leave(&self, llm: &Llm) -> Value {
        let mut events = self.chat.clone().stream_chat(hello(llm)).await.unwrap().into_inner();
        while let Some(response) = events.message().await.unwrap() {
            if matches!(response.event, Some(Event::TextDelta(_))) {
                break;
            }
        }
        drop(events);
        json!({ "code": "CANCELLED", "message": "dropped", "ms": 0 })
    }

    /// Sees an Llm be made.
    async fn watch(&self) -> Value {
        let mut events = self.llms.clone().watch_llms(WatchLlmsRequest::default()).await.unwrap().into_inner();
        let first = events.message().await.unwrap().unwrap();
        let made = self.create("watched").await.unwrap();
        loop {
            let event = events.message().await.unwrap().unwrap();
            if event.kind() == Kind::Created {
                return json!({ "first": first.kind().as_str_name(), "id": event.llm_id, "made": made.llm_id });
            }
        }
    }
}

fn hello(llm: &Llm) -> StreamChatRequest {
    StreamChatRequest { llm_id: llm.llm_id.clone(), message: "Hi".into(), ..Default::default() }
}

/// What a call that must fail failed with, and how long it took.
async fn failure_of<T>(call: impl Future<Output = Result<T, Status>>) -> Value {
    let started = Instant::now();
    let Err(status) = call.await else { panic!("the call succeeded, and should not have") };
    let ms = started.elapsed().as_millis() as u64;
    // tonic has codes as words of its own: AlreadyExists.
    let code = match status.code() {
        tonic::Code::AlreadyExists => "ALREADY_EXISTS",
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        // tonic's own deadline, which may come before the server's word of it.
        tonic::Code::Cancelled if status.message() == "Timeout expired" => "DEADLINE_EXCEEDED",
        other => panic!("{other:?}: {}", status.message()),
    };
    let mut failure = json!({ "code": code, "message": status.message(), "ms": ms });
    if let Some(info) = status.get_details_error_info() {
        failure["reason"] = json!(info.reason);
        failure["metadata"] = json!(info.metadata);
    }
    failure
}

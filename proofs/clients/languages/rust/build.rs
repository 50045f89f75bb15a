fn main() {
    let files = protox::compile(["patchbay/v1/llm_service.proto", "patchbay/v1/chat_service.proto"], ["protos"]).unwrap();
    tonic_prost_build::configure().build_server(false).include_file("patchbay.rs").compile_fds(files).unwrap();
}

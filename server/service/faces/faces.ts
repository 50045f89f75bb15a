import type { DescService } from "@bufbuild/protobuf";
import { AnthropicService } from "../../../gen/dialects/anthropic/v1/anthropic_service_pb.ts";
import { OpenAiService } from "../../../gen/dialects/openai/v1/openai_service_pb.ts";
import { anthropicFace } from "./anthropic.ts";
import { FaceCalls, type FaceDeps } from "./calls.ts";
import type { Face } from "./face.ts";
import { FaceModels } from "./models.ts";
import { openAiFace } from "./openai.ts";

/** Their services, each of whose rpcs declares the permission it requires. */
export const FACE_SERVICES: readonly DescService[] = [OpenAiService, AnthropicService];

/** All APIs that programs speak already. */
export function openFaces(deps: FaceDeps): readonly Face[] {
  const calls = new FaceCalls(deps);
  return [openAiFace(calls, new FaceModels(deps)), anthropicFace(calls)];
}

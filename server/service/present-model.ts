import { fromJson, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  CapabilitySource_Source,
  type CapabilitySourceSchema,
  type CapabilitySourcesSchema,
} from "../../gen/patchbay/v1/capability_sources_pb.ts";
import {
  ModelState_Source,
  ModelState_StateSchema,
  type ModelStateSchema,
} from "../../gen/patchbay/v1/model_state_pb.ts";
import { inferredOf } from "../domain/llms/llm-values.ts";
import { PROPERTIES, type PropertySource, sourcesOf } from "../domain/models/inference.ts";
import type { Llm } from "../store/llm.entity.ts";
import { numberOf } from "./enum-names.ts";

/** What has become of the model of an Llm, in the words of the contract. */
export function presentModelState({ modelState, model }: Readonly<Llm>): MessageInitShape<typeof ModelStateSchema> {
  const { source, deprecatedAt = "", retiresAt = "", successor = "", checkedAt } = model;
  return {
    state: numberOf(ModelState_StateSchema, modelState),
    ...(source === undefined ? {} : { source: ModelState_Source[source] }),
    deprecatedAt,
    retiresAt,
    successor,
    ...(checkedAt === undefined ? {} : { checkedAt: BigInt(checkedAt) }),
  };
}

/** Who says what of the model of an Llm; the names are those of the properties. */
export function presentSources(llm: Readonly<Llm>): MessageInitShape<typeof CapabilitySourcesSchema> {
  const sources = sourcesOf(inferredOf(llm), llm.model.claims);
  return Object.fromEntries(
    PROPERTIES.flatMap((name) => {
      const { source, disagreements } = sources[name];
      return source === undefined ? [] : [[name, presentSource(source, disagreements)]];
    }),
  );
}

function presentSource(
  source: NonNullable<PropertySource["source"]>,
  disagreements: PropertySource["disagreements"],
): MessageInitShape<typeof CapabilitySourceSchema> {
  return {
    source: CapabilitySource_Source[source],
    disagreements: disagreements.map((other) => ({
      source: CapabilitySource_Source[other.source],
      value: fromJson(ValueSchema, other.value as JsonValue),
    })),
  };
}

// SPDX-License-Identifier: Apache-2.0
// Models as a catalog would hold them, small and by hand, for tests that need no catalog.
#pragma once

#include <string>
#include <utility>

#include "domain/model.h"

namespace hekto::test {

inline domain::Value object(domain::Value::Object members) { return domain::Value(std::move(members)); }

/// An input property with a default.
inline domain::Value property(const char* type, domain::Value standard) {
  return object({{"type", type}, {"default", std::move(standard)}});
}

/// A model whose schema has these inputs and this output.
inline domain::Model make_model(std::string owner, std::string name, domain::OutputKind kind,
                                domain::Value::Object inputs, domain::Value output) {
  domain::Version version;
  version.id = std::string(64, 'a');
  version.cog_version = "0.9.0";
  version.output = kind;
  version.openapi_schema = object(
      {{"components",
        object({{"schemas", object({{"Input", object({{"type", "object"}, {"properties", domain::Value(inputs)}})},
                                    {"Output", std::move(output)}})}})}});
  domain::Model model;
  model.owner = std::move(owner);
  model.name = std::move(name);
  model.versions.push_back(std::move(version));
  return model;
}

inline domain::Value file_schema() { return object({{"type", "string"}, {"format", "uri"}}); }
inline domain::Value list_schema(domain::Value items) {
  return object({{"type", "array"}, {"items", std::move(items)}});
}

inline domain::Model flux_model() {
  auto model = make_model("black-forest-labs", "flux-schnell", domain::OutputKind::file_list,
                          {{"prompt", object({{"type", "string"}})},
                           {"aspect_ratio", property("string", "1:1")},
                           {"megapixels", property("string", "1")},
                           {"num_outputs", property("integer", 1)},
                           {"num_inference_steps", property("integer", 4)},
                           {"seed", object({{"type", "integer"}})},
                           {"output_format", property("string", "webp")},
                           {"output_quality", property("integer", 80)}},
                          list_schema(file_schema()));
  model.sandbox.steps_input = "num_inference_steps";
  return model;
}

inline domain::Model sdxl_model() {
  auto model = make_model("stability-ai", "sdxl", domain::OutputKind::file_list,
                          {{"prompt", property("string", "An astronaut riding a rainbow unicorn")},
                           {"width", property("integer", 1024)},
                           {"height", property("integer", 1024)},
                           {"num_outputs", property("integer", 1)},
                           {"num_inference_steps", property("integer", 50)},
                           {"seed", object({{"type", "integer"}})}},
                          list_schema(file_schema()));
  model.sandbox.steps_input = "num_inference_steps";
  return model;
}

inline domain::Model language_model() {
  return make_model("meta", "meta-llama-3-8b-instruct", domain::OutputKind::text_stream,
                    {{"prompt", property("string", "")},
                     {"max_tokens", property("integer", 512)},
                     {"seed", object({{"type", "integer"}})}},
                    list_schema(object({{"type", "string"}})));
}

}  // namespace hekto::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "domain/model.h"
#include "domain/value.h"

namespace hekto::service {

/// Collects the inputs of a model and makes the OpenAPI document that Cog publishes for one. Internal to catalog_*.cpp.
class OpenApiBuilder {
 public:
  /// Adds an input in the given form: the members of a JSON Schema, of which an `enum` becomes a schema of its own.
  /// False when the enum's name is taken by another schema of the document.
  bool add_input(const std::string& name, const domain::Value& form) { return add(inputs_, name, form); }
  /// The same for an input of trainings. One enum may stand in both.
  bool add_training_input(const std::string& name, const domain::Value& form) { return add(training_, name, form); }

  /// `required` are names of inputs; `output` is a schema.
  domain::Value build(domain::Value::Array required, domain::Value::Array required_to_train, domain::Value output) &&;

 private:
  bool add(domain::Value::Object& properties, const std::string& name, const domain::Value& form);

  domain::Value::Object inputs_;
  domain::Value::Object training_;  // empty: there are no trainings
  domain::Value::Object enums_;
};

/// The Output schema of a word of the compact form (file, file_list, text, text_stream, list, value); null for others.
domain::Value output_schema(std::string_view word);

/// What the Output schema of an OpenAPI document says about a model's output.
domain::OutputKind output_kind(const domain::Value& openapi);

}  // namespace hekto::service

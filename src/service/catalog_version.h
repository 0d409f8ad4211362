// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "domain/model.h"
#include "service/catalog_yaml.h"

namespace hekto::service {

/// Reads one version of a model. What is wrong is told to `reader`. Without an id, the version is named by the SHA-256
/// of the model's name and the document, so that it keeps its id until its schema changes. Internal to catalog_*.cpp.
domain::Version read_version(YamlReader& reader, const YAML::Node& node, const std::string& model,
                             Time model_created_at);

}  // namespace hekto::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "domain/model.h"
#include "service/catalog_yaml.h"

namespace hekto::service {

/// Reads one version of a model. What is wrong is told to `reader`. Without an id, the version is named by the SHA-256
/// of the model's name and the document, so that it keeps its id until its schema changes. Internal to catalog_*.cpp.
domain::Version read_version(YamlReader& reader, const YAML::Node& node, const std::string& model,
                             Time model_created_at);

/// Clients take every list for a stream when the version is below 0.3.9 or none at all.
bool is_usable_cog_version(std::string_view text);

}  // namespace hekto::service

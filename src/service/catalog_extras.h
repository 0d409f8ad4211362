// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "domain/collection.h"
#include "domain/model.h"
#include "service/catalog_yaml.h"

namespace hekto::service {

// What a catalog says beside what is needed to run a model. What is wrong is told to `reader`. Internal to
// catalog_*.cpp.

/// Owners, names and slugs: path segments, and halves of "owner/name:version".
bool is_slug(std::string_view text);

/// `readme`, `tags` and `examples` of a model whose versions are read already.
void read_extras(YamlReader& reader, const YAML::Node& root, domain::Model& model);

/// The `collections` of a file that has nothing else.
std::vector<domain::Collection> read_collections(YamlReader& reader, const YAML::Node& root);

}  // namespace hekto::service

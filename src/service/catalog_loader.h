// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "domain/model.h"

namespace hekto::service {

/// Reads one catalog file: owner, name, what else the API shows of a model, a `version` (or `versions`, newest first)
/// and how the sandbox stands in. A version has `input` and `output` in a compact form, from which the OpenAPI document
/// is made that Cog would publish, or a whole `openapi_schema`. models/ holds examples.
/// invalid_input for anything unknown, missing or contradictory, as "<file_name>:<line>: <what>"; a default that its
/// own schema refuses is such a contradiction.
Result<domain::Model> load_model_yaml(std::string_view yaml, std::string_view file_name);

/// Reads a catalog file that holds nothing but `collections`: slug, name, description, full_description, models.
/// Errors as above.
Result<std::vector<domain::Collection>> load_collections_yaml(std::string_view yaml, std::string_view file_name);

/// The built-in models and collections, overlaid by `extra` in the given order: files, or folders whose *.yaml files
/// are read in the order of their names. A model of the same owner and name replaces an earlier one, and so does a
/// collection of the same slug. Blocks on the disk. invalid_input when a path cannot be read, a file is wrong, two
/// models claim one version id, or a collection names a model that there is not.
Result<domain::Catalog> load_catalog(const std::vector<std::filesystem::path>& extra);

/// The folder of a data folder whose models a server offers without being told to.
std::filesystem::path own_models_folder(const std::filesystem::path& data);

/// What load_catalog reads for a server: own_models_folder(data) if there is one, then `models`.
std::vector<std::filesystem::path> catalog_paths(const std::filesystem::path& data,
                                                 const std::vector<std::filesystem::path>& models);

}  // namespace hekto::service

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "domain/model.h"

namespace hekto::service {

struct ImportOptions {
  std::string name;         ///< "owner/name"; empty: as the file says
  std::string description;  ///< empty: as the file says
};

struct ImportedModel {
  std::string file_name;  ///< what the catalog file is to be called, such as "acme+painter.yaml"
  std::string yaml;       ///< the catalog file
  domain::Model model;    ///< as it is read from it
};

/// Makes a catalog file from JSON that Replicate's API or a Cog server gives out: an OpenAPI document, a version
/// (an object with openapi_schema), or a model (an object with latest_version). What the JSON does not say is left to
/// the catalog: without an id the version gets one from its content; without a time, `now`.
/// invalid_input names what is missing or not understood, an input's schema by the input's name.
Result<ImportedModel> import_model(std::string_view text, const ImportOptions& options, Time now);

}  // namespace hekto::service

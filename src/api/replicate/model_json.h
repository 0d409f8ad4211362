// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "domain/model.h"
#include "domain/owned_model.h"
#include "json/prediction_json.h"

namespace hekto::api {

void append_version(std::string& out, const domain::Version& version);
/// The same of one that a training made; `base` is what it is like.
void append_version(std::string& out, const domain::TrainedVersion& version, const domain::Version& base);
/// The model object, its first example and its newest version with it.
void append_model(std::string& out, const domain::Model& model, const json::UrlContext& urls);

/// The same of one that a client created: without example and runs. `base` is what its newest version is like, or
/// nullptr when it is shown without a version.
void append_model(std::string& out, const domain::OwnedModel& model, const domain::Version* base,
                  const json::UrlContext& urls);

/// ,"name":"text" or ,"name":null
void append_text_or_null(std::string& out, std::string_view name, const std::optional<std::string>& text);

}  // namespace hekto::api

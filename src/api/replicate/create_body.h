// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <variant>

#include "domain/model.h"
#include "http/message.h"
#include "service/predictions.h"

namespace hekto::api {

/// Reads the body of a create. `model` is the one named in the path, or nullptr when the body must name a version;
/// `version` is one of its versions, or nullptr for the newest.
/// Either what to create, or the refusal to answer with: 400 for text that is no JSON, 422 in the official order
/// (unknown version first, then every problem of the body and the input at once).
std::variant<service::CreatePrediction, http::Response> read_create_body(const domain::Catalog& catalog,
                                                                         const domain::Model* model,
                                                                         std::string_view body,
                                                                         const domain::Version* version = nullptr);

}  // namespace hekto::api

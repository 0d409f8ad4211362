// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <variant>

#include "api/api.h"
#include "domain/schema.h"
#include "http/message.h"
#include "service/predictions.h"

namespace hekto::api {

/// Reads the body of a create. `offer` is what the path names; when it is empty the body must name a version.
/// `relay` is what the path names of an upstream's, if it does.
/// Either what to create, or the refusal to answer with: 400 for text that is no JSON, 422 in the official order
/// (unknown version first, then every problem of the body and the input at once).
async::Task<std::variant<service::CreatePrediction, http::Response>> read_create_body(
    const Api& api, const Call& call, domain::Offer offer, std::optional<domain::RelayTarget> relay);

/// Reads the body of a training of `offer`, whose version can be trained, in the same way. Members that are not known
/// are ignored. A destination that is no model of the caller's is refused first, with 404.
async::Task<std::variant<service::CreatePrediction, http::Response>> read_training_body(const Api& api,
                                                                                        const Call& call,
                                                                                        domain::Offer offer);

/// 404 "The specified version cannot be trained".
http::Response untrainable();
/// 404 "The specified training destination does not exist".
http::Response unknown_destination();

}  // namespace hekto::api

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "api/api.h"

namespace hekto::api {

/// The upstream's answer to the caller's request, under our own URLs; nullopt when it is not the upstream's to answer:
/// nothing is relayed for this key, or the path names a model that is none of the upstream's.
async::Task<std::optional<http::Response>> remote_answer(const Api& api, const Call& call);

/// The upstream's answer to another path below "/v1", in the same way.
async::Task<http::Response> remote_document(const Api& api, const json::UrlContext& urls, std::string method,
                                            std::string path, std::string body);

}  // namespace hekto::api

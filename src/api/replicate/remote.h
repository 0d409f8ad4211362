// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/api.h"

namespace hekto::api {

/// The upstream's answer to the caller's request, under our own URLs; nullopt when it is not the upstream's to answer:
/// nothing is relayed for this key, or the path names a model that is none of the upstream's.
async::Task<std::optional<http::Response>> remote_answer(const Api& api, const Call& call);

/// How the create of an offer is handed to an upstream: as `named`, what the client named, with the model of a version
/// alone when it is known; and to the one account that a trained version lies with.
domain::RelayTarget relay_target(const domain::Offer& offer, domain::RelayTarget named);

/// Why the caller may not change or delete what the path names ("/models/owner/name", perhaps with a version), when it
/// is the upstream's: 403 for what is there, 404 for what is not. nullopt: it is not the upstream's.
async::Task<std::optional<http::Response>> refuse_change(const Api& api, const Call& call);

/// The machines that the caller's models and deployments may ask for.
async::Task<std::vector<std::string>> known_skus(const Api& api, const Call& call);

/// The upstream's answer to another path below "/v1", in the same way.
async::Task<http::Response> remote_document(const Api& api, const json::UrlContext& urls, std::string method,
                                            std::string path, std::string body);
/// A list of the upstream's with `ours`, objects with commas between them, in front of what its member `name` holds,
/// and no more than `limit` of both. Any other answer stays as it is.
http::Response behind_ours(http::Response answer, std::string_view name, std::string_view ours, std::size_t limit);
/// The text of such an answer as a value; nullopt when it is none with status 200.
std::optional<domain::Value> value_of(const http::Response& answer);

}  // namespace hekto::api

// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/routes.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/text.h"
#include "domain/http_url.h"
#include "domain/model_pattern.h"

namespace hekto::runners::replicate {
namespace {

using domain::RelayTarget;

/// "/v1/models/owner/name" with each part escaped.
std::string path_of(std::string_view kind, std::string_view name) {
  std::string_view rest = name;
  const auto owner = take_until(rest, '/');
  return "/v1/" + std::string(kind) + "/" + percent_encode(owner) + "/" + percent_encode(rest);
}

/// Whether the host of an origin is one of `hosts`: names, or "*." and one.
bool lies_at(std::string_view origin, const std::vector<std::string>& hosts) {
  std::string_view host = origin.substr(origin.find("://") + 3);
  if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
  return std::ranges::any_of(hosts, [host](std::string_view pattern) {
    if (!pattern.starts_with("*.")) return iequals(host, pattern);
    const auto suffix = pattern.substr(1);
    return host.size() > suffix.size() && iequals(host.substr(host.size() - suffix.size()), suffix);
  });
}

constexpr std::string_view kTrainingPrefix = "hekto-trained-";

}  // namespace

std::string training_model_name(std::string_view destination) {
  return std::string(kTrainingPrefix) + hex_encode(sha256(destination)).substr(0, 32);
}

bool serves_model(const UpstreamOptions& upstream, std::string_view model) {
  for (std::string_view rest = model; !rest.empty();) {
    // Segments that would be folded, and lead to another part of the upstream's API; and names in a spelling that no
    // pattern knows.
    const auto part = take_until(rest, '/');
    if (part == "." || part == ".." || part.find('%') != std::string_view::npos) return false;
  }
  if (model.substr(std::min(model.find('/'), model.size())).starts_with("/" + std::string(kTrainingPrefix))) {
    return false;
  }
  const auto fits = [model](const std::string& pattern) { return domain::fits_model_pattern(model, pattern); };
  return std::ranges::any_of(upstream.models, fits) && std::ranges::none_of(upstream.deny, fits);
}

bool serves(const UpstreamOptions& upstream, const RelayTarget& target) {
  if (target.kind == RelayTarget::Kind::deployment) return serves_model(upstream, target.name);
  if (target.kind == RelayTarget::Kind::trained) return target.name.starts_with(upstream.name + "/");
  const auto model = domain::model_of(target);
  if (!model.empty()) return serves_model(upstream, model);
  return upstream.deny.empty() && std::ranges::find(upstream.models, "*/*") != upstream.models.end();
}

bool serves(const UpstreamOptions& upstream, const AccountOptions& account, const RelayTarget& target) {
  if (!serves(upstream, target)) return false;
  return target.kind != RelayTarget::Kind::trained || target.name.starts_with(upstream.name + "/" + account.name + ":");
}

std::string upstream_name(const UpstreamOptions& upstream, std::string_view client_name) {
  const auto found = upstream.names.find(std::string(client_name));
  return found == upstream.names.end() ? std::string(client_name) : found->second;
}

std::string client_name(const UpstreamOptions& upstream, std::string_view upstream_name) {
  for (const auto& [ours, theirs] : upstream.names) {
    if (theirs == upstream_name) return ours;
  }
  return std::string(upstream_name);
}

CreateRoute create_route(const UpstreamOptions& upstream, const RelayTarget& target, std::string_view destination) {
  const std::string_view name = target.name;
  const auto colon = name.find(':');
  const auto model = upstream_name(upstream, name.substr(0, colon));
  const auto version = colon == std::string_view::npos ? std::string_view{} : name.substr(colon + 1);
  switch (target.kind) {
    case RelayTarget::Kind::model:
      return {path_of("models", model) + "/predictions", {}, {}};
    case RelayTarget::Kind::deployment:
      return {path_of("deployments", model) + "/predictions", {}, {}};
    case RelayTarget::Kind::training:
      return {path_of("models", model) + "/versions/" + percent_encode(version) + "/trainings",
              {},
              upstream_name(upstream, destination)};
    case RelayTarget::Kind::version:
    case RelayTarget::Kind::trained:
      break;
  }
  // The version alone is understood by every server; with a name only by the newer ones.
  return {"/v1/predictions", version.empty() ? std::string(name) : std::string(version), {}};
}

std::string origin_of(std::string_view url) {
  const auto parsed = domain::parse_http_url(url);
  return parsed ? parsed->origin : std::string();
}

bool is_output_url(const UpstreamOptions& upstream, std::string_view url) {
  const auto origin = origin_of(url);
  return !origin.empty() && (origin == origin_of(upstream.url) || lies_at(origin, upstream.file_hosts));
}

bool is_stream_url(const UpstreamOptions& upstream, std::string_view url) {
  const auto origin = origin_of(url);
  const auto own = origin_of(upstream.url);
  if (origin.empty()) return false;
  if (origin == own) return true;
  return (origin.starts_with("https:") || !own.starts_with("https:")) && lies_at(origin, upstream.stream_hosts);
}

bool is_file_stream(std::string_view url) { return url.find("/files/") != std::string_view::npos; }

}  // namespace hekto::runners::replicate

// SPDX-License-Identifier: Apache-2.0
#include "domain/delivery.h"

#include <algorithm>

#include "base/encoding.h"

namespace hekto::domain {

std::expected<const OutputFile*, LinkRefusal> delivered_file(const Prediction& prediction, const Link& link,
                                                             std::string_view name, Time now, Duration lifetime) {
  if (link.kind != LinkKind::delivery) return std::unexpected(LinkRefusal::invalid);
  const Time until = prediction.completed_at.value_or(now) + lifetime;
  if (prediction.data_removed || now >= until) return std::unexpected(LinkRefusal::expired);
  const auto& files = prediction.output.files;
  if (link.index >= files.size() || name != files[link.index].name) return std::unexpected(LinkRefusal::invalid);
  return &files[link.index];
}

std::optional<DeliveryUrl> delivery_url(std::string_view url) {
  constexpr std::string_view kPath = "/delivery/";
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view path = url.substr(std::min(url.find_first_of("/?#", scheme.size()), url.size()));
    path = path.substr(0, path.find_first_of("?#"));
    if (!path.starts_with(kPath)) return std::nullopt;
    path.remove_prefix(kPath.size());
    if (path.size() <= kLinkTokenLength || path[kLinkTokenLength] != '/') return std::nullopt;
    auto name = percent_decode(path.substr(kLinkTokenLength + 1), false);
    if (!name) return std::nullopt;
    return DeliveryUrl{std::string(path.substr(0, kLinkTokenLength)), std::move(*name)};
  }
  return std::nullopt;
}

}  // namespace hekto::domain

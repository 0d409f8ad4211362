// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "domain/link.h"
#include "domain/prediction.h"

namespace hekto::domain {

enum class LinkRefusal : std::uint8_t { invalid, expired };

/// The file that a delivery link of `prediction` opens at `now`: for `lifetime` after the end, and only under its name.
/// Points into `prediction`.
std::expected<const OutputFile*, LinkRefusal> delivered_file(const Prediction& prediction, const Link& link,
                                                             std::string_view name, Time now, Duration lifetime);

struct DeliveryUrl {
  std::string token;  ///< of the right length; whether it is one of ours is LinkSigner's to say
  std::string name;   ///< decoded
};
/// The parts of a URL of the form {origin}/delivery/{token}/{name}. The origin does not count: a server is reached by
/// many names, and nobody else can sign its tokens.
std::optional<DeliveryUrl> delivery_url(std::string_view url);

}  // namespace hekto::domain

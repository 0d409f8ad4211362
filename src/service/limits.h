// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace hekto::service {

/// What a client reads when a create is refused because Store::has_room() is false.
inline constexpr std::string_view kNoRoom = "This server's disk is nearly full. Nothing was created; please try later.";

}  // namespace hekto::service

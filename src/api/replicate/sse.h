// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/prediction.h"

namespace hekto::api {

/// Appends one server-sent event (WHATWG HTML, "server-sent events") with id "<seconds>:<n>". Every character at which
/// some client splits lines (CR, VT, FF, FS, GS, RS, NEL, LS, PS beside LF) becomes a new data: line, because the text
/// behind it would be lost otherwise.
void append_sse(std::string& out, std::string_view event, std::int64_t seconds, std::size_t n, std::string_view data);

/// The item to go on with after `last_event_id`; 0, everything, for an id that is not of this prediction.
std::size_t next_after(std::string_view last_event_id, const domain::Prediction& p);

}  // namespace hekto::api

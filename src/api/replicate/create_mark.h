// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "api/api.h"
#include "domain/create_mark.h"

namespace hekto::api {

/// What a create is to be recognised by when it comes again: by its Idempotency-Key or, without one, by the count of
/// attempts that some clients send. nullopt, without looking at the body, for a create with neither. invalid_input for
/// a malformed Idempotency-Key; a malformed count is no count.
Result<std::optional<domain::CreateMark>> read_create_mark(const Api& api, const Call& call);

/// The answer to a key that was used for another request: 422.
http::Response key_reused();

}  // namespace hekto::api

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

/// Remembers that a create was answered 429 or 503, if its client counts attempts: the attempt that follows is no
/// repeat of an identical create before. `path` as Call::path.
void note_refused_create(const Api& api, const http::Request& request, std::string_view path);

/// The answer to a key that was used for another request: 422.
http::Response key_reused();

}  // namespace hekto::api

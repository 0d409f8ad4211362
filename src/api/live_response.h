// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "async/bell.h"
#include "http/message.h"
#include "service/live_files.h"

namespace hekto::api {

/// How long a reader of a file on its way may get nothing: then it is cut off, and may ask again.
inline constexpr Duration kLiveSilence = std::chrono::minutes(2);

/// The bytes of a file as they come: 200 with the length that was announced, else in chunks, without ETag and Range.
/// An answer looks whole to its reader only when the file is. Where the file begins anew, a reader goes on once the new
/// content has come as far and is the same up to there; otherwise it is cut off. `state` is coming or whole.
http::Response live_response(std::shared_ptr<service::LiveFile> file, service::LiveFile::State state, std::string name,
                             Duration silence = kLiveSilence);

}  // namespace hekto::api

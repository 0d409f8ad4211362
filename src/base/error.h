// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace hekto {

/// What kind of thing went wrong. The HTTP status is chosen from this in one place, api/problem.cpp.
enum class ErrorCode {
  invalid_input,    ///< the caller sent something that breaks a rule
  unauthenticated,  ///< no key, or not a valid one
  forbidden,        ///< a valid key without the right
  not_found,        ///< unknown, or not the caller's: both look the same
  conflict,         ///< the thing is not in a state that allows this (stale lease, already terminal)
  too_large,        ///< over a documented limit
  rate_limited,     ///< over the caller's allowance
  canceled,         ///< the operation was asked to stop
  timeout,          ///< a deadline passed
  unavailable,      ///< cannot be done now; nothing was done; may be tried again
  storage,          ///< the store or the file store failed; whether the change happened may be unknown
  upstream,         ///< a back end failed
  internal,         ///< a bug
};

/// An expected failure, returned and never thrown. `message` is one sentence for people and holds no secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

/// The word for `code` as it appears in logs, for example "not_found".
const char* to_string(ErrorCode code);

}  // namespace hekto

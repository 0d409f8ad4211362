// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

namespace hekto {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return "invalid_input";
    case ErrorCode::unauthenticated:
      return "unauthenticated";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::canceled:
      return "canceled";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::storage:
      return "storage";
    case ErrorCode::upstream:
      return "upstream";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace hekto

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/error.h"

namespace hekto::test {

/// The error code of a result, or nullopt when it is a value: lets EXPECT_EQ show both.
template <class T>
std::optional<ErrorCode> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

}  // namespace hekto::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

namespace hekto {

/// A value that must not reach a log, an error or another tenant. It has no stream or format operator; code that
/// really needs the text says so with reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace hekto

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hekto {

/// A compiled regular expression in RE2 syntax (no look-around, no back-references), whose matching takes time linear
/// in the text: patterns come from model schemas and texts from clients, so neither may be able to stall a thread.
/// Immutable and cheap to copy; any thread.
class Regex {
 public:
  /// invalid_input when `pattern` is no regular expression, or one that needs more than 1 MiB.
  static Result<Regex> compile(std::string_view pattern);

  /// Whether the pattern occurs anywhere in `text` (UTF-8).
  bool search(std::string_view text) const;

  const std::string& pattern() const;

 private:
  struct Impl;
  explicit Regex(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace hekto

// SPDX-License-Identifier: Apache-2.0
#include "base/regex.h"

#include <re2/re2.h>

namespace hekto {
namespace {

constexpr std::int64_t kMaxMemory = 1 << 20;

RE2::Options options() {
  RE2::Options result;
  result.set_log_errors(false);  // errors are returned; the library would print them to standard error
  result.set_max_mem(kMaxMemory);
  return result;
}

}  // namespace

struct Regex::Impl {
  explicit Impl(std::string_view pattern) : expression(re2::StringPiece(pattern.data(), pattern.size()), options()) {}
  RE2 expression;
};

Result<Regex> Regex::compile(std::string_view pattern) {
  auto impl = std::make_shared<const Impl>(pattern);
  if (!impl->expression.ok()) {
    return fail(ErrorCode::invalid_input,
                "'" + std::string(pattern) + "' is no usable regular expression: " + impl->expression.error());
  }
  return Regex(std::move(impl));
}

bool Regex::search(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), impl_->expression);
}

const std::string& Regex::pattern() const { return impl_->expression.pattern(); }

}  // namespace hekto

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "domain/model.h"
#include "domain/value.h"

namespace hekto::runners {

/// What the model would see: the input as sent, completed with the defaults of the version's schema. `part` is that of
/// the document which describes them: "Input" or "TrainingInput".
/// Refers to both arguments, which must outlive it.
class Inputs {
 public:
  Inputs(const domain::Version& version, const domain::Value& input, std::string_view part = "Input");

  /// The value sent, or the schema's default; nullptr when there is neither. A null counts as absent.
  const domain::Value* find(std::string_view name) const;
  /// The schema's default alone.
  const domain::Value* default_of(std::string_view name) const;
  /// Whether the schema names such an input, or one was sent.
  bool declares(std::string_view name) const;

  /// The whole number `name`, or `fallback` when it is absent or no number.
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  /// The number `name`, or `fallback` when it is absent or no number.
  double number(std::string_view name, double fallback) const;
  /// The first of `names` that is there and starts with a number, which may be a text such as "5s"; else `fallback`.
  double seconds(std::initializer_list<std::string_view> names, double fallback) const;
  /// Whether the caller itself gave `name`.
  bool sent(std::string_view name) const;
  /// The text `name`, or `fallback` when it is absent or no string.
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  /// What the model is asked for: the prompt, else the first text that is no address, else "".
  std::string prompt() const;
  /// input.seed; nullopt when absent or negative, which models take as "any".
  std::optional<std::uint64_t> seed() const;

 private:
  const domain::Value* property(std::string_view name) const;

  const domain::Value& input_;
  const domain::Value* properties_ = nullptr;
};

}  // namespace hekto::runners

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hekto::domain {

/// A JSON value (RFC 8259), copyable and comparable. Objects keep the order of their members; json/ refuses
/// duplicate names before a Value is made. Numbers that are written without fraction and exponent and fit are int64.
class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;

  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool b) : data_(b) {}
  Value(std::int64_t i) : data_(i) {}
  Value(int i) : data_(static_cast<std::int64_t>(i)) {}
  Value(double d) : data_(d) {}
  Value(std::string s) : data_(std::move(s)) {}
  Value(std::string_view s) : data_(std::string(s)) {}
  Value(const char* s) : data_(std::string(s)) {}
  Value(Array a) : data_(std::move(a)) {}
  Value(Object o) : data_(std::move(o)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }

  bool is_number() const { return as_int() != nullptr || as_double() != nullptr; }
  /// The number as double; 0 when this is no number.
  double number() const {
    if (const auto* i = as_int()) return static_cast<double>(*i);
    if (const auto* d = as_double()) return *d;
    return 0;
  }

  /// The member called `name`, or nullptr when there is none or this is no object.
  const Value* find(std::string_view name) const {
    if (const auto* object = as_object()) {
      for (const auto& [key, value] : *object) {
        if (key == name) return &value;
      }
    }
    return nullptr;
  }
  /// The text of member `name`, or `fallback` when it is absent or no string.
  std::string_view text_of(std::string_view name, std::string_view fallback = {}) const {
    const Value* v = find(name);
    return v != nullptr && v->as_string() != nullptr ? std::string_view(*v->as_string()) : fallback;
  }

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

}  // namespace hekto::domain

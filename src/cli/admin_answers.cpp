// SPDX-License-Identifier: Apache-2.0
#include "cli/admin_answers.h"

#include <utility>

namespace hekto::cli {

using domain::Value;

std::optional<Value> ask(const AdminCall& call, Terminal& terminal, std::string_view method, std::string_view path,
                         const Value& body) {
  auto reply = call(method, path, body);
  if (!reply) {
    terminal.err << "error: " << reply.error().message << '\n';
    return {};
  }
  if (reply->status >= 400) {
    const auto detail = reply->body.text_of("detail", "refused without a reason");
    terminal.err << "error: " << printable(detail) << '\n';
    return {};
  }
  return std::move(reply->body);
}

std::string short_time(std::string_view time) {
  if (time.size() < 20 || time[10] != 'T') return std::string(time);
  return std::string(time.substr(0, 10)) + " " + std::string(time.substr(11, 8));
}

const Value::Array& list_in(const Value& body, std::string_view name) {
  static const Value::Array kNone;
  const Value* list = body.find(name);
  return list != nullptr && list->as_array() != nullptr ? *list->as_array() : kNone;
}

std::string number_in(const domain::Value& value, std::string_view name) {
  const auto* number = value.find(name);
  return number != nullptr && number->as_int() != nullptr ? std::to_string(*number->as_int()) : "-";
}

}  // namespace hekto::cli

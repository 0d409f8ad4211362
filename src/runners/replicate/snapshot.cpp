// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/snapshot.h"

#include <functional>
#include <tuple>

#include "json/value_json.h"

namespace hekto::runners::replicate {
namespace {

using domain::Value;

std::unexpected<Error> unreadable(std::string_view what) {
  return fail(ErrorCode::upstream, "the upstream's answer cannot be read: " + std::string(what));
}

std::optional<Time> time_of(const Value& value, std::string_view name) {
  const auto text = value.text_of(name);
  if (text.empty()) return std::nullopt;
  const auto time = parse_time(text);
  return time ? std::optional(*time) : std::nullopt;
}

std::string error_of(const Value& value) {
  const Value* error = value.find("error");
  if (error == nullptr || error->is_null()) return {};
  if (const auto* text = error->as_string()) return *text;
  const auto detail = error->text_of("detail");
  return detail.empty() ? json::dump(*error) : std::string(detail);
}

/// An object's members without the braces around them.
std::string members_of(const Value& value, std::string_view name) {
  const Value* object = value.find(name);
  if (object == nullptr || object->as_object() == nullptr) return {};
  const auto text = json::dump(*object);
  return text.substr(1, text.size() - 2);
}

}  // namespace

Result<Snapshot> read_snapshot(const Value& value) {
  if (value.as_object() == nullptr) return unreadable("it is no object");
  Snapshot s;
  s.id = value.text_of("id");
  s.status = value.text_of("status");
  if (s.id.empty()) return unreadable("it has no id");
  if (s.status.empty()) return unreadable("it has no status");
  s.state = domain::parse_status(s.status);
  s.model = value.text_of("model");
  s.version = value.text_of("version");
  if (const Value* input = value.find("input")) s.input = *input;
  if (const Value* output = value.find("output")) s.output = *output;
  s.logs = value.text_of("logs");
  s.whole = value.find("output") != nullptr && value.find("logs") != nullptr;
  s.error = error_of(value);
  s.metrics = members_of(value, "metrics");
  const Value* removed = value.find("data_removed");
  s.data_removed = removed != nullptr && removed->as_bool() != nullptr && *removed->as_bool();
  if (const Value* urls = value.find("urls")) s.stream_url = urls->text_of("stream");
  s.created_at = time_of(value, "created_at");
  s.started_at = time_of(value, "started_at");
  s.completed_at = time_of(value, "completed_at");
  return s;
}

Result<Snapshot> parse_snapshot(std::string_view json) {
  const auto value = json::parse(json);
  if (!value) return unreadable("it is no JSON");
  return read_snapshot(*value);
}

bool is_end(const Snapshot& snapshot) {
  return snapshot.state ? domain::is_terminal(*snapshot.state) : snapshot.completed_at.has_value();
}

bool is_older(const Snapshot& late, const Snapshot& kept) {
  const auto rank = [](const Snapshot& s) {
    const auto* list = s.output.as_array();
    const std::size_t items = list != nullptr ? list->size() : s.output.is_null() ? 0 : 1;
    return std::tuple(is_end(s), s.started_at.has_value(), items, s.logs.size());
  };
  return rank(late) < rank(kept);
}

Fingerprint fingerprint(const Snapshot& snapshot) {
  const auto hash = [](std::uint64_t seed, std::string_view text) {
    return (std::hash<std::string_view>{}(text) ^ seed) * 0x9E37'79B9'7F4A'7C15ULL + 1;
  };
  const char flags[] = {snapshot.started_at ? 's' : '-', snapshot.completed_at ? 'c' : '-',
                        snapshot.stream_url.empty() ? '-' : 'u', snapshot.data_removed ? 'r' : '-'};
  Fingerprint print;
  print.head = hash(hash(1, snapshot.status), std::string_view(flags, sizeof flags)) | 1;
  if (!snapshot.whole) return print;
  const auto output = snapshot.output.is_null() ? std::string() : json::dump(snapshot.output);
  print.whole = hash(hash(hash(1, snapshot.logs), output), snapshot.error) | 1;
  return print;
}

Result<SnapshotPage> parse_page(std::string_view json) {
  const auto value = json::parse(json);
  if (!value) return unreadable("it is no JSON");
  const Value* results = value->find("results");
  if (results == nullptr || results->as_array() == nullptr) return unreadable("it is no list");
  SnapshotPage page;
  page.next = value->text_of("next");
  for (const auto& item : *results->as_array()) {
    if (auto snapshot = read_snapshot(item)) page.items.push_back(std::move(*snapshot));
  }
  return page;
}

}  // namespace hekto::runners::replicate

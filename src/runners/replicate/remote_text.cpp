// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/remote_text.h"

#include "base/text.h"
#include "json/value_json.h"
#include "ports/remote_catalog.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using domain::Value;

constexpr std::string_view kModels = "/models/";

/// What may follow where a URL's origin or path has ended.
bool goes_on(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/// Puts `to` where `from` stands as a whole: not as the beginning of a longer host, port or name.
void replace_whole(std::string& text, std::string_view from, char to) {
  if (from.empty()) return;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
    const auto end = at + from.size();
    if (end < text.size() && (goes_on(text[end]) || text[end] == ':' || text[end] == '@')) {
      at = end;
    } else {
      text.replace(at, from.size(), 1, to);
      ++at;
    }
  }
}

Value* member(Value& value, std::string_view name) {
  if (auto* object = value.as_object()) {
    for (auto& [key, item] : *object) {
      if (key == name) return &item;
    }
  }
  return nullptr;
}

/// A document on its way to clients.
class Rewriter {
 public:
  Rewriter(const UpstreamOptions& upstream, std::string_view path)
      : upstream_(upstream), asked_(model_in_path(path)), is_list_(asked_.empty()) {}

  /// Lists are looked through even when no model has another name.
  bool has_work() const { return is_list_ || !upstream_.names.empty(); }

  void rewrite(Value& value) const {
    if (auto* list = value.as_array()) {
      for (auto& item : *list) rewrite(item);
      return;
    }
    auto* object = value.as_object();
    if (object == nullptr) return;
    for (auto& [name, item] : *object) {
      // What a model takes and gives is its own.
      if (name == "input" || name == "output" || name == "openapi_schema") continue;
      rewrite(item);
      if (auto* list = item.as_array(); list != nullptr && (name == "results" || name == "models")) {
        for (auto& entry : *list) rename_text(entry, true);
        if (is_list_) std::erase_if(*list, [this](Value& entry) { return !is_shown(entry); });
      }
      if (name == "model" || name == "version") rename_text(item, name == "model");
      rename_url(item);
    }
    rename_model(value);
  }

 private:
  /// The client's name for a model of the upstream: the one that was asked for, when it leads there.
  std::string ours(std::string_view theirs) const {
    if (!asked_.empty() && upstream_name(upstream_, asked_) == theirs) return std::string(asked_);
    return client_name(upstream_, theirs);
  }

  /// "owner/name" or "owner/name:version". A name alone is also a member `model` that says something else.
  void rename_text(Value& value, bool bare) const {
    const auto* text = value.as_string();
    if (text == nullptr || upstream_.names.empty()) return;
    const auto colon = text->find(':');
    if (colon == std::string::npos && !bare) return;
    const std::string theirs = text->substr(0, colon);
    auto renamed = ours(theirs);
    if (renamed == theirs) return;
    if (colon != std::string::npos) renamed += text->substr(colon);
    value = Value(std::move(renamed));
  }

  /// ".../models/owner/name/…" below the upstream's base.
  void rename_url(Value& value) const {
    const auto* text = value.as_string();
    if (text == nullptr || upstream_.names.empty()) return;
    const std::string base = upstream_.url + "/v1";
    if (!text->starts_with(base + std::string(kModels))) return;
    const auto path = std::string_view(*text).substr(base.size());
    const auto theirs = model_in_path(path);
    if (theirs.empty()) return;
    const auto after = kModels.size() + theirs.size();
    value = Value(base + std::string(kModels) + ours(theirs) + std::string(path.substr(after)));
  }

  /// A model object. Where its name differs its page at the upstream would tell the other.
  void rename_model(Value& value) const {
    const auto theirs = name_of(value);
    if (theirs.empty() || upstream_.names.empty()) return;
    const auto renamed = ours(theirs);
    if (renamed == theirs) return;
    const auto slash = renamed.find('/');
    *member(value, "owner") = Value(renamed.substr(0, slash));
    *member(value, "name") = Value(renamed.substr(slash + 1));
    if (auto* url = member(value, "url")) *url = Value(upstream_.url + "/v1" + std::string(kModels) + renamed);
  }

  static std::string name_of(const Value& model) {
    const auto owner = model.text_of("owner");
    const auto name = model.text_of("name");
    const bool is_model = !owner.empty() && !name.empty() && model.find("visibility") != nullptr;
    return is_model ? std::string(owner) + "/" + std::string(name) : std::string();
  }

  /// Of an entry of a list, its names mapped already: a model, a hit of a search, or a model's name. Whatever else is
  /// there stays.
  bool is_shown(Value& entry) const {
    if (const auto* text = entry.as_string()) {
      return text->find('/') == std::string::npos || serves_model(upstream_, *text);
    }
    const Value* inner = entry.find("model");
    const Value& model = inner != nullptr && inner->as_object() != nullptr ? *inner : entry;
    const auto name = name_of(model);
    return name.empty() || (model.text_of("visibility") == "public" && serves_model(upstream_, name));
  }

  const UpstreamOptions& upstream_;
  const std::string asked_;
  const bool is_list_;
};

}  // namespace

std::string_view model_in_path(std::string_view path) {
  if (!path.starts_with(kModels)) return {};
  path = path.substr(kModels.size(), path.find_first_of("?#") - kModels.size());
  const auto slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == path.size()) return {};
  return path.substr(0, path.find('/', slash + 1));
}

std::string path_there(const UpstreamOptions& upstream, std::string_view path) {
  const auto model = model_in_path(path);
  if (model.empty()) return "/v1" + std::string(path);
  const auto after = kModels.size() + model.size();
  return "/v1" + std::string(kModels) + upstream_name(upstream, model) + std::string(path.substr(after));
}

std::string text_for_clients(const UpstreamOptions& upstream, const Scrubber& scrubber, std::string_view path,
                             int status, std::string_view content_type, std::string body) {
  std::erase_if(body, [](char c) { return c == ports::kRemoteBase || c == ports::kRemoteOrigin; });
  const Rewriter rewriter(upstream, path);
  if (rewriter.has_work() && content_type.find("json") != std::string_view::npos) {
    if (auto value = json::parse(body)) {
      rewriter.rewrite(*value);
      body = json::dump(*value);
    }
  }
  replace_whole(body, upstream.url + "/v1", ports::kRemoteBase);
  replace_whole(body, origin_of(upstream.url), ports::kRemoteOrigin);
  // A refusal is nobody's work, and names in it are the account's.
  return status == 200 ? scrubber.clean_output(std::move(body)) : scrubber.clean(std::move(body));
}

}  // namespace hekto::runners::replicate

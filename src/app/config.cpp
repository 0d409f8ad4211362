// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <system_error>
#include <utility>

#include "app/config_file.h"
#include "app/config_hooks.h"
#include "app/config_options.h"
#include "app/config_upstreams.h"
#include "app/config_values.h"
#include "base/text.h"

namespace hekto::app {
namespace {

/// What each value is to be called in a message: "hekto.yaml:12: links.lifetime", "HEKTO_LINKS_LIFETIME", "--listen".
using Origins = std::map<std::string, std::string>;

Result<void> set(Config& config, const Option& option, const std::string& origin, std::string_view text) {
  if (auto done = option.set(config, text); !done) {
    return fail(ErrorCode::invalid_input, origin + " " + done.error().message);
  }
  return {};
}

/// The items of a list in a flag or a variable: separated by commas, spaces around them ignored.
std::vector<std::string> split(const Option& option, const std::string& text) {
  if (!option.info.list) return {text};
  std::vector<std::string> items;
  std::string_view rest = text;
  while (!rest.empty()) items.emplace_back(trim(take_until(rest, ',')));
  return items;
}

Result<void> apply_file(Config& config, const std::filesystem::path& file, const Environment& environment,
                        ConfigFor purpose, Origins& origins) {
  auto read = read_config_file(file, environment, purpose);
  if (!read) return std::unexpected(read.error());
  config.upstreams = std::move(read->upstreams);
  for (const auto& entry : read->entries) {
    const auto& option = *find_option(entry.path);
    const auto at_line = [&](int line) { return file.string() + ":" + std::to_string(line) + ": " + entry.path; };
    if (option.clear) option.clear(config);
    for (const auto& item : entry.items) {
      if (auto done = set(config, option, at_line(item.line), item.text); !done) return done;
    }
    origins[entry.path] = at_line(entry.line);
  }
  return {};
}

Result<void> apply_texts(Config& config, const Option& option, const std::string& origin,
                         const std::vector<std::string>& texts, Origins& origins) {
  if (option.clear) option.clear(config);
  for (const auto& text : texts) {
    for (const auto& item : split(option, text)) {
      if (auto done = set(config, option, origin, item); !done) return done;
    }
  }
  origins[option.info.path] = origin;
  return {};
}

/// What concerns more than one option.
Result<void> check_together(const Config& config, const Origins& origins) {
  const auto name = [&](const std::string& path) {
    const auto given = origins.find(path);
    return given == origins.end() ? path + " (by default)" : given->second;
  };
  if (config.listen.empty()) {
    return fail(ErrorCode::invalid_input, name("listen") + " must name at least one address");
  }
  if (config.hardware.empty()) return fail(ErrorCode::invalid_input, name("hardware") + " must name at least one");
  if (config.input_types.empty()) {
    return fail(ErrorCode::invalid_input, name("inputs.types") + " must name at least one; */* is all of them");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    const bool has_key = config.tls_certificate.empty();
    return fail(ErrorCode::invalid_input, name(has_key ? "tls.key" : "tls.certificate") + " is set without " +
                                              (has_key ? "tls.certificate" : "tls.key") + ": TLS needs both");
  }
  if (config.limits.target_bytes > config.limits.head_bytes) {
    return fail(ErrorCode::invalid_input, name("limits.target_bytes") + " is " +
                                              format_size(config.limits.target_bytes) + ", more than the " +
                                              format_size(config.limits.head_bytes) +
                                              " of limits.head_bytes, which a request's target is part of");
  }
  if (config.link_lifetime > config.retention) {
    // Whichever of the two the operator touched is the one to name first.
    const bool touched_links = origins.contains("links.lifetime");
    return fail(ErrorCode::invalid_input, name(touched_links ? "links.lifetime" : "retention.after") +
                                              " does not fit: links.lifetime is " + format_span(config.link_lifetime) +
                                              ", but the files behind the links are removed after " +
                                              format_span(config.retention) +
                                              " (retention.after); lengthen retention.after or shorten links.lifetime");
  }
  return {};
}

std::filesystem::path choose_file(const std::filesystem::path& given,
                                  const std::function<std::optional<std::string>(const std::string&)>& environment) {
  if (!given.empty()) return given;
  if (const auto named = environment("HEKTO_CONFIG"); named && !named->empty()) return std::filesystem::path(*named);
  std::error_code ignored;
  if (std::filesystem::exists("hekto.yaml", ignored)) return std::filesystem::path("hekto.yaml");
  return std::filesystem::path();
}

}  // namespace

Result<Config> load_config(const std::filesystem::path& file,
                           const std::map<std::string, std::vector<std::string>>& flags,
                           const std::function<std::optional<std::string>(const std::string&)>& environment,
                           ConfigFor purpose) {
  Config config;
  Origins origins;
  const auto chosen = choose_file(file, environment);
  if (!chosen.empty()) {
    if (auto done = apply_file(config, chosen, environment, purpose, origins); !done)
      return std::unexpected(done.error());
  }
  for (const auto& option : option_table()) {
    const auto value = environment(option.info.variable);
    if (!value || value->empty()) continue;  // compose files pass unset variables on as empty ones
    if (auto done = apply_texts(config, option, option.info.variable, {*value}, origins); !done) {
      return std::unexpected(done.error());
    }
  }
  for (const auto& [path, texts] : flags) {
    const auto* option = find_option(path);
    if (option == nullptr) return fail(ErrorCode::invalid_input, "unknown option '" + path + "'");
    if (!option->info.list && texts.size() != 1) {
      return fail(ErrorCode::invalid_input, option->info.flag + " takes exactly one value");
    }
    if (auto done = apply_texts(config, *option, option->info.flag, texts, origins); !done) {
      return std::unexpected(done.error());
    }
  }
  if (purpose == ConfigFor::serving) {
    // Clients use this variable too, for a key of ours: that is no token for the official service.
    auto token = environment("REPLICATE_API_TOKEN").value_or("");
    if (token.starts_with("hk-") && config.replicate_url.empty() && config.upstreams.empty()) token.clear();
    if (auto done = complete_upstreams(config.upstreams, config.replicate_url, token); !done) {
      return std::unexpected(done.error());
    }
    if (auto done = place_webhooks(config.upstreams, config.public_url); !done) return std::unexpected(done.error());
  }
  if (auto done = check_together(config, origins); !done) return std::unexpected(done.error());
  return config;
}

}  // namespace hekto::app

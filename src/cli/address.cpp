// SPDX-License-Identifier: Apache-2.0
#include "cli/address.h"

#include <algorithm>

#include "base/text.h"

namespace hekto::cli {
namespace {

std::string_view without_scheme(std::string_view url) {
  const auto at = url.find("://");
  return at == std::string_view::npos ? url : url.substr(at + 3);
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 200 && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
    const char l = ascii_lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

bool is_loopback_url(std::string_view url) {
  auto host = without_scheme(url);
  host = host.substr(0, host.find('/'));
  if (host.starts_with("[::1]")) return true;
  host = host.substr(0, host.find(':'));
  const bool is_ipv4 = std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return iequals(host, "localhost") || (host.starts_with("127.") && is_ipv4);
}

Result<std::string> api_root(std::string_view url) {
  const auto bad = [&] {
    return fail(ErrorCode::invalid_input,
                "'" + std::string(url) + "' is not a server's address, such as http://127.0.0.1:8080");
  };
  std::string root(trim(url));
  if (root.find("://") == std::string::npos) root = (is_loopback_url(root) ? "http://" : "https://") + root;
  const auto rest = without_scheme(root);
  const auto scheme = std::string_view(root).substr(0, root.size() - rest.size());
  if (!iequals(scheme, "http://") && !iequals(scheme, "https://")) return bad();
  if (rest.empty() || rest.front() == '/' || rest.front() == ':') return bad();
  const bool is_plain = std::ranges::all_of(rest, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_plain || rest.find_first_of("?#@\\") != std::string_view::npos) return bad();
  while (root.ends_with('/')) root.pop_back();
  if (root.ends_with("/v1")) root.resize(root.size() - 3);
  while (root.ends_with('/')) root.pop_back();
  return root;
}

Result<ModelRef> parse_model_ref(std::string_view text) {
  auto rest = text;
  ModelRef ref;
  ref.owner = take_until(rest, '/');
  const bool has_version = rest.find(':') != std::string_view::npos;
  ref.name = take_until(rest, ':');
  ref.version = rest;
  if (!is_word(ref.owner) || !is_word(ref.name) || (has_version && !is_word(ref.version))) {
    return fail(ErrorCode::invalid_input, "'" + std::string(text) +
                                              "' is not a model: write OWNER/NAME or OWNER/NAME:VERSION, such as "
                                              "black-forest-labs/flux-schnell");
  }
  return ref;
}

}  // namespace hekto::cli

// SPDX-License-Identifier: Apache-2.0
#include "domain/file.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/random.h"

namespace hekto::domain {
namespace {

/// Every path that files are reached under; longer ones first, because shorter ones end them.
constexpr std::array<std::string_view, 5> kMounts = {"/replicate/v1/v1/files/", "/replicate/v1/files/",
                                                     "/replicate/files/", "/v1/v1/files/", "/v1/files/"};
constexpr std::size_t kMaxName = 255;

}  // namespace

std::string new_file_id() { return id_from_bytes(random_string_bytes(16)); }

std::optional<std::string> file_id_of_url(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const auto slash = url.find('/', scheme.size());
    if (slash == std::string_view::npos) return std::nullopt;
    std::string_view path = url.substr(slash);
    path = path.substr(0, path.find_first_of("?#"));
    for (const auto mount : kMounts) {
      if (!path.starts_with(mount)) continue;
      path.remove_prefix(mount.size());
      if (path.ends_with("/download")) path.remove_suffix(std::string_view("/download").size());
      if (!is_id(path)) return std::nullopt;
      return std::string(path);
    }
  }
  return std::nullopt;
}

std::string clean_file_name(std::string_view name) {
  if (const auto slash = name.find_last_of("/\\"); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  std::ranges::copy_if(name, std::back_inserter(out),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
  if (!is_utf8(out)) std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  while (out.size() > kMaxName) {
    // Whole characters go: their continuation bytes, then the first one.
    while ((static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
    out.pop_back();
  }
  if (out.empty() || out == "." || out == "..") return "file";
  return out;
}

std::string FileSigner::signature(std::string_view owner, std::string_view id, std::int64_t expiry) const {
  std::string text(owner);
  text.append(" ").append(id).append(" ").append(std::to_string(expiry));
  return base64_encode(hmac_sha256(key_.reveal(), text));
}

bool FileSigner::verify(std::string_view owner, std::string_view id, std::int64_t expiry,
                        std::string_view given) const {
  return constant_time_equal(signature(owner, id, expiry), given);
}

}  // namespace hekto::domain

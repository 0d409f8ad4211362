// SPDX-License-Identifier: Apache-2.0
#include "domain/data_url.h"

#include "base/encoding.h"
#include "base/text.h"
#include "domain/media_type.h"

namespace hekto::domain {
namespace {

constexpr std::string_view kScheme = "data:";

}  // namespace

bool is_data_url(std::string_view text) { return iequals(text.substr(0, kScheme.size()), kScheme); }

Result<DataUrl> parse_data_url(std::string_view url) {
  const auto bad = [](std::string_view why) { return fail(ErrorCode::invalid_input, std::string(why)); };
  if (!is_data_url(url)) return bad("it is no data: URL");
  url.remove_prefix(kScheme.size());
  const auto comma = url.find(',');
  if (comma == std::string_view::npos) return bad("its data: URL has no comma");
  std::string_view type = trim(url.substr(0, comma));
  const std::string_view data = url.substr(comma + 1);

  constexpr std::string_view kBase64 = ";base64";
  const bool encoded = type.size() >= kBase64.size() && iequals(type.substr(type.size() - kBase64.size()), kBase64);
  if (encoded) type.remove_suffix(kBase64.size());
  DataUrl out;
  // A type of parameters alone means text/plain.
  if (!type.empty()) out.content_type = type.starts_with(';') ? "text/plain" + std::string(type) : std::string(type);
  if (!type.empty() && !is_media_type(out.content_type)) return bad("its data: URL names no proper media type");

  const bool escaped = !encoded || data.find('%') != std::string_view::npos;
  auto plain = escaped ? percent_decode(data, false) : std::nullopt;
  if (escaped && !plain) return bad("its data: URL holds a malformed escape");
  if (!encoded) {
    out.bytes = std::move(*plain);
    return out;
  }
  auto bytes = base64_decode(plain ? std::string_view(*plain) : data);
  if (!bytes) return bad("its data: URL is not valid base64");
  out.bytes = std::move(*bytes);
  return out;
}

}  // namespace hekto::domain

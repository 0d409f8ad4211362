// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include <cstring>

#include "base/text.h"

namespace hekto::http {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); }

/// RFC 9110 5.6.2 tchar.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) table[static_cast<std::size_t>(c)] = c < 128 && is_alnum(static_cast<char>(c));
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kToken = make_token_table();

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!kToken[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

/// Visible ASCII, spaces and tabs. Written without an early exit so that the compiler vectorises it.
bool is_plain_value(std::string_view text) {
  bool bad = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bad |= (byte < 0x20 && byte != '\t') || byte >= 0x7F;
  }
  return !bad;
}

bool is_plain_target(std::string_view text) {
  bool bad = text.empty();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bad |= byte <= 0x20 || byte >= 0x7F || byte == '#';
  }
  return !bad;
}

/// uri-host [":" port] without percent escapes, which no host of ours has.
bool is_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    for (const char c : text.substr(1, end - 1)) {
      if (!is_alnum(c) && c != ':' && c != '.') return false;
    }
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const auto colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    if (name.empty() || name.size() > 255) return false;
    for (const char c : name) {
      if (!is_alnum(c) && c != '-' && c != '.' && c != '_' && c != '~') return false;
    }
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  if (port.size() > 5) return false;
  for (const char c : port) {
    if (!is_digit(c)) return false;
  }
  return true;
}

std::optional<Method> method_of(std::string_view text) {
  for (const Method method : {Method::get, Method::post, Method::head, Method::put, Method::patch, Method::del,
                              Method::options, Method::query, Method::trace}) {
    if (text == to_string(method)) return method;
  }
  return std::nullopt;
}

struct RequestLine {
  std::string_view method, target, version;
};

constexpr Refusal kMalformedLine{400, "The request line is malformed."};
constexpr Refusal kLongTarget{414, "The request target is too long."};
constexpr Refusal kLargeHead{431, "The request headers are too large."};

/// Splits and checks "METHOD SP target SP HTTP/x.y", without the line end.
std::optional<Refusal> split_request_line(std::string_view line, const HeadLimits& limits, RequestLine& out) {
  const auto first = line.find(' ');
  const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return kMalformedLine;
  out = {line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
  if (!is_token(out.method) || !is_plain_target(out.target)) return kMalformedLine;
  const std::string_view version = out.version;
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7])) {
    return kMalformedLine;
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refusal{505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  }
  if (out.target.size() > limits.target_bytes) return kLongTarget;
  return std::nullopt;
}

/// The headers that decide something here, and those whose repetition would let two readers see two requests.
enum class Known : std::uint8_t {
  other,
  host,
  connection,
  content_length,
  transfer_encoding,
  content_encoding,
  content_type,
  authorization,
  idempotency_key,
  expect,
  accept_encoding,
  request_id,
};

Known known(std::string_view name) {
  switch (name.size()) {
    case 4:
      return iequals(name, "host") ? Known::host : Known::other;
    case 6:
      return iequals(name, "expect") ? Known::expect : Known::other;
    case 10:
      return iequals(name, "connection") ? Known::connection : Known::other;
    case 12:
      if (iequals(name, "content-type")) return Known::content_type;
      return iequals(name, "x-request-id") ? Known::request_id : Known::other;
    case 13:
      return iequals(name, "authorization") ? Known::authorization : Known::other;
    case 14:
      return iequals(name, "content-length") ? Known::content_length : Known::other;
    case 15:
      if (iequals(name, "accept-encoding")) return Known::accept_encoding;
      return iequals(name, "idempotency-key") ? Known::idempotency_key : Known::other;
    case 16:
      return iequals(name, "content-encoding") ? Known::content_encoding : Known::other;
    case 17:
      return iequals(name, "transfer-encoding") ? Known::transfer_encoding : Known::other;
    default:
      return Known::other;
  }
}

/// True when `name` with '_' read as '-', as CGI-like back ends do, is a header that we act on.
bool is_disguised(std::string_view name) {
  if (name.find('_') == std::string_view::npos || name.size() > 32) return false;
  std::array<char, 32> buffer{};
  for (std::size_t i = 0; i < name.size(); ++i) buffer[i] = name[i] == '_' ? '-' : name[i];
  const std::string_view plain(buffer.data(), name.size());
  if (known(plain) != Known::other) return true;
  for (const std::string_view acted : {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "cancel-after",
                                       "last-event-id", "if-none-match", "if-range", "proxy-authorization"}) {
    if (iequals(plain, acted)) return true;
  }
  return false;
}

bool parse_length(std::string_view text, std::uint64_t& out) {
  if (text.empty() || text.size() > 18) return false;
  out = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    out = out * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

/// Facts about the headers that can only be judged once all were read.
struct Seen {
  std::string_view host;
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned codings = 0;
  unsigned singles = 0;  // bit per Known that may come once
  bool chunked = false;
  bool encoded = false;
  bool close = false;
  bool keep_alive = false;
};

std::optional<Refusal> take_header(std::string_view name, std::string_view value, Seen& seen, Framing& framing) {
  const Known what = known(name);
  if (what == Known::authorization || what == Known::content_type || what == Known::idempotency_key) {
    const unsigned bit = 1U << static_cast<unsigned>(what);
    if ((seen.singles & bit) != 0) return Refusal{400, "A header that may come only once was repeated."};
    seen.singles |= bit;
    return std::nullopt;
  }
  switch (what) {
    case Known::host:
      seen.host = value;
      ++seen.hosts;
      break;
    case Known::connection:
      for (std::string_view rest = value; !rest.empty();) {
        const std::string_view option = trim(take_until(rest, ','));
        seen.close |= iequals(option, "close");
        seen.keep_alive |= iequals(option, "keep-alive");
      }
      break;
    case Known::content_length:
      ++seen.lengths;
      if (!parse_length(value, framing.content_length)) return Refusal{400, "The Content-Length header is malformed."};
      break;
    case Known::transfer_encoding:
      ++seen.codings;
      seen.chunked = iequals(value, "chunked");
      break;
    case Known::content_encoding:
      seen.encoded |= !iequals(value, "identity");
      break;
    case Known::expect:
      if (!iequals(value, "100-continue")) return Refusal{417, "Only 'Expect: 100-continue' is understood."};
      framing.expect_continue = true;
      break;
    case Known::accept_encoding:
      framing.accept_encoding = value;
      break;
    case Known::request_id:
      if (is_request_id(value)) framing.request_id = value;
      break;
    default:
      if (is_disguised(name)) return Refusal{400, "A header name is spelt with '_' instead of '-'."};
  }
  return std::nullopt;
}

std::optional<Refusal> judge_framing(const Seen& seen, Framing& framing) {
  if (seen.hosts > 1 || (seen.hosts == 0 && !framing.http10) || (seen.hosts == 1 && !is_authority(seen.host))) {
    return Refusal{400, "Exactly one valid Host header is required."};
  }
  if (seen.lengths > 1) return Refusal{400, "The Content-Length header was repeated."};
  if (seen.codings > 0) {
    // RFC 9112 6.1 lets a server treat these as errors; they are what request smuggling is made of.
    if (framing.http10) return Refusal{400, "HTTP/1.0 knows no Transfer-Encoding."};
    if (seen.lengths > 0) return Refusal{400, "Transfer-Encoding and Content-Length exclude each other."};
    if (seen.codings > 1 || !seen.chunked) return Refusal{400, "The only Transfer-Encoding understood is 'chunked'."};
    framing.chunked = true;
  }
  if (seen.encoded && framing.has_body()) return Refusal{415, "Encoded request bodies are not accepted."};
  framing.keep_alive = !seen.close && (!framing.http10 || seen.keep_alive);
  if (framing.http10) framing.expect_continue = false;
  return std::nullopt;
}

/// Reduces absolute form to origin form, which is only done when it says nothing that Host does not say.
std::optional<Refusal> settle_target(const Seen& seen, Request& request) {
  std::string_view target = request.target;
  if (target == "*" && request.method == Method::options) {
    request.path = target;
    return std::nullopt;
  }
  if (!target.starts_with('/')) {
    const auto scheme_end = target.find("://");
    const std::string_view scheme = target.substr(0, scheme_end);
    if (scheme_end == std::string_view::npos || (!iequals(scheme, "http") && !iequals(scheme, "https"))) {
      return kMalformedLine;
    }
    target.remove_prefix(scheme_end + 3);
    const auto path = target.find_first_of("/?");
    if (!iequals(target.substr(0, path), seen.host)) {
      return Refusal{400, "The request target names another host than the Host header."};
    }
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    if (!target.starts_with('/')) return kMalformedLine;
  }
  request.target = target;
  request.query = target;
  request.path = take_until(request.query, '?');
  return std::nullopt;
}

}  // namespace

bool is_request_id(std::string_view text) {
  for (const char c : text) {
    if (!is_alnum(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return !text.empty() && text.size() <= 64;
}

HeadScanner::State HeadScanner::refuse(unsigned status, std::string_view detail) {
  refusal_ = {status, detail};
  return State::refused;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes, const HeadLimits& limits) {
  while (position_ < bytes.size()) {
    const void* found = std::memchr(bytes.data() + position_, '\n', bytes.size() - position_);
    if (found == nullptr) {
      position_ = bytes.size();
      break;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (end == 0 || bytes[end - 1] != '\r') return refuse(400, "A line ends without a carriage return.");
    const std::string_view line = bytes.substr(line_start_, end - 1 - line_start_);
    position_ = line_start_ = end + 1;
    if (!first_line_seen_) {
      first_line_seen_ = true;
      RequestLine parts;
      if (const auto bad = split_request_line(line, limits, parts)) return refuse(bad->status, bad->detail);
    } else if (line.empty()) {
      return position_ <= limits.head_bytes ? State::complete : refuse(kLargeHead.status, kLargeHead.detail);
    }
  }
  // Room for the longest method we know, the version and the spaces; a longer line can only be a long target.
  if (!first_line_seen_ && bytes.size() > limits.target_bytes + 32)
    return refuse(kLongTarget.status, kLongTarget.detail);
  if (bytes.size() >= limits.head_bytes) {
    return first_line_seen_ ? refuse(kLargeHead.status, kLargeHead.detail)
                            : refuse(kLongTarget.status, kLongTarget.detail);
  }
  return State::incomplete;
}

std::optional<Refusal> parse_head(std::string_view head, const HeadLimits& limits, Request& request, Framing& framing) {
  framing = Framing();
  framing.head_bytes = head.size();
  auto next_line = [&head] {
    const auto end = head.find('\n');
    // A CR that does not end the line stays in it and is refused with the other control bytes.
    const std::string_view line = head.substr(0, end == 0 ? 0 : end - 1);
    head.remove_prefix(end + 1);
    return line;
  };
  RequestLine first;
  if (const auto bad = split_request_line(next_line(), limits, first)) return bad;
  request.target = first.target;
  framing.http10 = first.version == "HTTP/1.0";
  const auto method = method_of(first.method);
  if (!method) return Refusal{501, "The request method is not known here."};
  request.method = *method;

  Seen seen;
  while (true) {
    const std::string_view line = next_line();
    if (line.empty()) break;
    if (request.headers.size() == limits.header_count) return Refusal{431, "The request has too many headers."};
    const auto colon = line.find(':');
    // A leading space (obsolete line folding) and a space before the colon both fail the token rule.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
        !is_plain_value(line.substr(colon + 1))) {
      return Refusal{400, "A header line is malformed."};
    }
    const Request::Header header{line.substr(0, colon), trim(line.substr(colon + 1))};
    if (const auto bad = take_header(header.name, header.value, seen, framing)) return bad;
    request.headers.push_back(header);
  }
  if (const auto bad = judge_framing(seen, framing)) return bad;
  return settle_target(seen, request);
}

}  // namespace hekto::http

// SPDX-License-Identifier: Apache-2.0
#include "http/multipart.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"

namespace hekto::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorCode::invalid_input, "The multipart body is malformed: " + std::string(why));
}

/// Walks over "; name=value; name="value"" behind the first word of a header.
class Parameters {
 public:
  explicit Parameters(std::string_view rest) : rest_(rest) {}

  /// False at the end, and at text that is no parameter (then failed()).
  bool next() {
    rest_ = trim(rest_);
    if (rest_.empty()) return false;
    if (rest_.front() != ';') return give_up();
    rest_ = trim(rest_.substr(1));
    if (rest_.empty()) return false;  // a closing semicolon
    const auto equals = rest_.find_first_of("=;");
    if (equals == std::string_view::npos || rest_[equals] != '=') return give_up();
    name = trim(rest_.substr(0, equals));
    rest_ = trim(rest_.substr(equals + 1));
    return rest_.starts_with('"') ? quoted() : plain();
  }
  bool failed() const { return failed_; }

  std::string_view name;
  std::string value;

 private:
  bool plain() {
    const auto end = std::min(rest_.find(';'), rest_.size());
    value = trim(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return true;
  }
  bool quoted() {
    value.clear();
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      // A backslash before anything else is one of a Windows path, which some browsers send unescaped.
      const bool escapes = rest_[i] == '\\' && i + 1 < rest_.size() && (rest_[i + 1] == '"' || rest_[i + 1] == '\\');
      if (escapes) {
        value += rest_[++i];
      } else if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      } else {
        value += rest_[i];
      }
    }
    return give_up();
  }
  bool give_up() {
    failed_ = true;
    return false;
  }

  std::string_view rest_;
  bool failed_ = false;
};

/// Browsers write these three characters of a name as escapes, and nothing else.
std::string without_browser_escapes(std::string text) {
  for (const auto& [escape, character] : {std::pair{"%22", '"'}, std::pair{"%0D", '\r'}, std::pair{"%0A", '\n'}}) {
    for (auto at = text.find(escape); at != std::string::npos; at = text.find(escape, at + 1)) {
      text.replace(at, 3, 1, character);
    }
  }
  return text;
}

/// UTF-8'language'percent-encoded (RFC 8187); nullopt for other charsets.
std::optional<std::string> extended_value(std::string_view text) {
  const auto charset = take_until(text, '\'');
  if (!iequals(charset, "utf-8") || text.find('\'') == std::string_view::npos) return std::nullopt;
  take_until(text, '\'');
  return percent_decode(text, false);
}

bool read_disposition(std::string_view value, FormPart& part) {
  const auto semicolon = std::min(value.find(';'), value.size());
  if (!iequals(trim(value.substr(0, semicolon)), "form-data")) return false;
  Parameters parameters(value.substr(semicolon));
  bool named = false;
  std::optional<std::string> extended;
  while (parameters.next()) {
    if (iequals(parameters.name, "name")) {
      if (std::exchange(named, true)) return false;
      part.name = without_browser_escapes(parameters.value);
    } else if (iequals(parameters.name, "filename")) {
      if (part.filename) return false;
      part.filename = without_browser_escapes(parameters.value);
    } else if (iequals(parameters.name, "filename*")) {
      extended = extended_value(parameters.value);
    }
  }
  if (extended) part.filename = std::move(extended);
  return named && !parameters.failed();
}

/// `head` is what stands before the empty line, without it.
bool read_head(std::string_view head, FormPart& part) {
  bool disposed = false;
  while (!head.empty()) {
    const auto end = head.find(kLineEnd);
    std::string_view value = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + kLineEnd.size());
    if (value.find(':') == std::string_view::npos) return false;
    const auto name = take_until(value, ':');
    if (iequals(name, "content-disposition")) {
      if (std::exchange(disposed, true) || !read_disposition(trim(value), part)) return false;
    } else if (iequals(name, "content-type")) {
      part.content_type = trim(value);
    } else if (iequals(name, "content-transfer-encoding")) {
      // Bodies that are not as they are would have to be decoded; no client of today sends them (RFC 7578 4.7).
      const auto coding = trim(value);
      if (!iequals(coding, "binary") && !iequals(coding, "8bit") && !iequals(coding, "7bit")) return false;
    }
  }
  return disposed;
}

enum class Mark { part, end };

/// A boundary line: where its "--" stands, where the text behind it begins, and what it says.
struct Delimiter {
  std::size_t begin = 0;
  std::size_t next = 0;
  Mark mark = Mark::part;
};

/// The next line that is "--boundary" or "--boundary--", from `from` on. A line that merely begins so is content.
std::optional<Delimiter> find_delimiter(std::string_view body, const std::string& line, std::size_t from) {
  // The very first one needs no line end in front.
  for (auto at = from == 0 && body.starts_with(line.substr(2)) ? 0 : body.find(line, from);
       at != std::string_view::npos; at = body.find(line, at + 1)) {
    const bool first = at == 0 && !body.starts_with(kLineEnd);
    std::size_t next = at + (first ? line.size() - 2 : line.size());
    if (body.substr(next).starts_with("--")) return Delimiter{at, next + 2, Mark::end};
    while (next < body.size() && (body[next] == ' ' || body[next] == '\t')) ++next;
    if (body.substr(next).starts_with(kLineEnd)) return Delimiter{at, next + 2, Mark::part};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> form_boundary(std::string_view content_type) {
  const auto semicolon = std::min(content_type.find(';'), content_type.size());
  if (!iequals(trim(content_type.substr(0, semicolon)), "multipart/form-data")) return std::nullopt;
  Parameters parameters(content_type.substr(semicolon));
  while (parameters.next()) {
    if (!iequals(parameters.name, "boundary")) continue;
    const auto& boundary = parameters.value;
    const bool usable = !boundary.empty() && boundary.size() <= 70 &&
                        std::ranges::all_of(boundary, [](char c) { return c >= 0x20 && c < 0x7F; }) &&
                        boundary.back() != ' ';
    if (!usable) return std::nullopt;
    return boundary;
  }
  return std::nullopt;
}

Result<std::vector<FormPart>> parse_form(std::string_view body, std::string_view boundary) {
  std::string line(kLineEnd);
  line.append("--").append(boundary);
  auto delimiter = find_delimiter(body, line, 0);
  if (!delimiter) return malformed("the boundary does not occur");
  std::vector<FormPart> parts;
  while (delimiter->mark == Mark::part) {
    if (parts.size() == kMaxFormParts) return malformed("there are too many parts");
    // Two back, so that an empty part may end with the line end of its own boundary line.
    const std::size_t start = delimiter->next;
    const auto end = find_delimiter(body, line, start - kLineEnd.size());
    if (!end) return malformed("its end is missing");
    const std::string_view whole = end->begin > start ? body.substr(start, end->begin - start) : std::string_view{};
    // The empty line may be the first: a part without headers, which lacks its name.
    const auto empty_line = whole.substr(0, kMaxPartHead).find("\r\n\r\n");
    if (empty_line == std::string_view::npos) return malformed("a part has no end of its headers");
    FormPart part;
    if (!read_head(whole.substr(0, empty_line), part)) return malformed("a part's headers are not those of a form");
    part.body = whole.substr(empty_line + 4);
    parts.push_back(std::move(part));
    delimiter = end;
  }
  return parts;
}

}  // namespace hekto::http

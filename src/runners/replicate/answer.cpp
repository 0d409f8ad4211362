// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/answer.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/json_text.h"
#include "json/value_json.h"

namespace hekto::runners::replicate {
namespace {

constexpr Duration kLongestWait = std::chrono::hours(1);
/// The limits are per minute, so none takes longer to fill up.
constexpr Duration kLongestReset = std::chrono::minutes(1);
/// When the upstream says what is left, but not until when.
constexpr Duration kUsualReset = std::chrono::seconds(1);

/// "… is reduced to 6 requests per minute …" -> 6.
int reduced_rate(std::string_view body) {
  constexpr std::string_view kBefore = "reduced to ";
  const auto at = body.find(kBefore);
  if (at == std::string_view::npos) return 0;
  int rate = 0;
  const auto* const from = body.data() + at + kBefore.size();
  const auto [end, error] = std::from_chars(from, body.data() + body.size(), rate);
  const std::string_view rest(end, static_cast<std::size_t>(body.data() + body.size() - end));
  return error == std::errc() && rate > 0 && rest.starts_with(" requests per minute") ? rate : 0;
}

/// The body as the upstream wrote it, when it is of the official form; else one that says as much.
ports::Refusal refusal_of(const ports::HttpReply& reply, const Scrubber& scrubber) {
  const auto body = json::parse(reply.body);
  if (reply.truncated || !body || body->as_object() == nullptr) {
    return make_refusal(reply.status, "Request refused", "The request was refused");
  }
  return {reply.status, scrubber.clean(reply.body)};
}

/// A number that is not negative.
std::optional<double> read_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !(number >= 0)) return std::nullopt;
  return number;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::time_t> read_http_date(std::string_view text) {
  std::tm parts{};
  const std::string zero_ended(text);
  const char* end = ::strptime(zero_ended.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

Duration seconds_up_to(double seconds, Duration most) {
  return Duration(static_cast<std::int64_t>(std::min(seconds, to_seconds(most)) * 1e6));
}

}  // namespace

Duration retry_after(const ports::HttpReply& reply) {
  const auto text = reply.header("retry-after");
  if (const auto seconds = read_number(text)) return seconds_up_to(*seconds, kLongestWait);
  // A date is told by the upstream's own clock, which its answer shows.
  const auto at = read_http_date(text);
  const auto now = read_http_date(reply.header("date"));
  if (at && now) return seconds_up_to(std::max(0.0, static_cast<double>(*at - *now)), kLongestWait);
  if (const auto body = json::parse(reply.body)) {
    const auto* seconds = body->find("retry_after");
    if (seconds != nullptr && seconds->is_number() && seconds->number() > 0) {
      return seconds_up_to(seconds->number(), kLongestWait);
    }
  }
  const auto reset = read_number(reply.header("ratelimit-reset"));
  return reset ? seconds_up_to(*reset, kLongestReset) : Duration{};
}

std::optional<LimitLeft> limit_left(const ports::HttpReply& reply) {
  const auto requests = read_number(reply.header("ratelimit-remaining"));
  if (!requests) return std::nullopt;
  const auto reset = read_number(reply.header("ratelimit-reset"));
  return LimitLeft{*requests, reset ? seconds_up_to(*reset, kLongestReset) : kUsualReset};
}

ports::Refusal make_refusal(int status, std::string_view title, std::string_view detail) {
  std::string body = R"({"title":)";
  append_json_string(body, title);
  body += R"(,"detail":)";
  append_json_string(body, detail);
  body += R"(,"status":)" + std::to_string(status) + "}\n";
  return {status, std::move(body)};
}

CreateAnswer read_create_answer(const Result<ports::HttpReply>& reply, bool sent, const Scrubber& scrubber) {
  if (!reply) {
    if (!sent) return NotNow{};
    return Ambiguous{reply.error().message};
  }
  const int status = reply->status;
  if (status >= 200 && status < 300) {
    if (reply->truncated) return Ambiguous{"the answer is too long"};
    auto snapshot = parse_snapshot(reply->body);
    if (!snapshot) return Ambiguous{snapshot.error().message};
    return Accepted{std::move(*snapshot)};
  }
  using Why = AccountRefused::Why;
  switch (status) {
    case 401:
      return AccountRefused{Why::bad_token, {}};
    case 402:
      return AccountRefused{Why::no_credit, refusal_of(*reply, scrubber)};
    case 403:
      return AccountRefused{Why::forbidden, refusal_of(*reply, scrubber)};
    case 408:  // of a proxy that gave up, not of the API
      return Ambiguous{"status 408"};
    case 429:
      return NotNow{retry_after(*reply), true, reduced_rate(reply->body)};
    case 503:
    case 529:
      return NotNow{retry_after(*reply), false, 0};
    default:
      break;
  }
  if (status >= 400 && status < 500) return Refused{refusal_of(*reply, scrubber)};
  return Ambiguous{"status " + std::to_string(status)};
}

}  // namespace hekto::runners::replicate

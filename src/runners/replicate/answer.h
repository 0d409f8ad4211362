// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/error.h"
#include "base/time.h"
#include "ports/http_client.h"
#include "ports/relay.h"
#include "runners/replicate/scrub.h"
#include "runners/replicate/snapshot.h"

namespace hekto::runners::replicate {

/// The upstream took the create.
struct Accepted {
  Snapshot snapshot;
};
/// It refused the create for what it is, and no account would change that.
struct Refused {
  ports::Refusal refusal;
};
/// It took nothing, and may take it later.
struct NotNow {
  Duration wait{};         ///< from Retry-After; 0: it does not say
  bool throttled = false;  ///< the account's allowance is used up; else the upstream is not well
  int reduced_to = 0;      ///< creates a minute that the account is held to, as the upstream says; 0: it does not say
};
/// It took nothing, because of the account.
struct AccountRefused {
  enum class Why : std::uint8_t {
    bad_token,  ///< 401
    no_credit,  ///< 402
    forbidden,  ///< 403: this account may not do this; it may do other things
  };
  Why why = Why::bad_token;
  ports::Refusal refusal;  ///< what it said, for a client when no other account is left; not of a bad token
};
/// Whether it took the create is not known.
struct Ambiguous {
  std::string why;  ///< for logs
};
using CreateAnswer = std::variant<Accepted, Refused, NotNow, AccountRefused, Ambiguous>;

/// What became of a create. `sent` is HttpRequest::sent. Once the first byte may have left, only an answer that says so
/// proves that nothing was taken: any 4xx, and 503 and 529, by which a server turns work away before it begins.
/// Everything else (a broken connection, silence, 500, 502, 504, an answer that cannot be read) is ambiguous: proxies
/// between us and the upstream say 502 for requests that it has taken.
CreateAnswer read_create_answer(const Result<ports::HttpReply>& reply, bool sent, const Scrubber& scrubber);

/// How long the upstream asks to wait, up to an hour: Retry-After in seconds or as a date, else the official body's
/// `retry_after`, else ratelimit-reset; 0 when it does not say.
Duration retry_after(const ports::HttpReply& reply);

/// What the upstream says of its own limit.
struct LimitLeft {
  double requests = 0;  ///< that it will take
  Duration reset{};     ///< until it will take more; at most a minute
};
/// From ratelimit-remaining and ratelimit-reset; nullopt when they are not there or not of the official form.
std::optional<LimitLeft> limit_left(const ports::HttpReply& reply);

/// An answer of the official form.
ports::Refusal make_refusal(int status, std::string_view title, std::string_view detail);

}  // namespace hekto::runners::replicate

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "http/message.h"

namespace hekto::http {

/// Answers one request. Runs on the connection's thread; may suspend. Must not throw on bad input (an exception
/// becomes a 500 and a log line).
using Handler = std::function<async::Task<Response>(Request&)>;

struct RouteOptions {
  std::size_t max_body = 1 << 20;  ///< bytes; larger is 413, from the head alone when Content-Length says so
  /// Looks at the head of a request that has a body, before the body is read: an answer refuses it. So that nobody can
  /// make the server hold a body which it is not going to use. Optional.
  std::function<std::optional<Response>(const Request&)> admit = {};
  std::string too_large = {};  ///< body of this route's 413, problem+json; empty: the usual one
};

struct Route {
  Method method;
  std::string pattern;  ///< "/v1/predictions/{id}/cancel"; a {name} matches one non-empty segment; "{name...}" the rest
  Handler handler;
  RouteOptions options;
};

/// Finds the handler for a method and path. Filled before the server starts, then only read (by any thread).
/// Where several patterns match, the one that is literal at the first difference wins, then {name}, then {name...}.
class Router {
 public:
  Router();
  /// Throws std::invalid_argument for a pattern without leading '/', with more than four {…}, with "{name...}" before
  /// its end, or added twice for one method: faults of the program, found when it starts.
  void add(Method method, std::string pattern, Handler handler, RouteOptions options = {});

  struct Match {
    const Route* route = nullptr;  ///< nullptr: no route for this method
    bool path_known = false;       ///< the path exists with another method: 405 with `allow`
    std::string allow;             ///< "GET, HEAD, POST", set when path_known and no route
  };
  /// Fills `params`, views into `path`. HEAD falls back to GET. "{name...}" also matches an empty rest after its '/'.
  Match match(Method method, std::string_view path, std::array<std::string_view, 4>& params) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  static constexpr std::size_t kMethods = 9;
  using ByMethod = std::array<std::int16_t, kMethods>;  // index into routes_, -1: none

  /// One segment of the tree of all patterns; children are indices into nodes_.
  struct Node {
    std::vector<std::pair<std::string, std::uint32_t>> literals;
    std::uint32_t param = 0;  // 0: no such child, as the root is nobody's child
    ByMethod here;            // the pattern ends with this segment
    ByMethod rest;            // the pattern goes on with "{name...}"
  };
  struct Search;
  std::uint32_t child(std::uint32_t node, std::string_view segment);

  std::vector<Route> routes_;
  std::vector<Node> nodes_;
};

}  // namespace hekto::http

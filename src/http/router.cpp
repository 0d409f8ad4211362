// SPDX-License-Identifier: Apache-2.0
#include "http/router.h"

#include <stdexcept>

#include "base/text.h"

namespace hekto::http {

namespace {

constexpr std::array<Method, 9> kAllMethods = {Method::get, Method::head,    Method::post,  Method::put,  Method::patch,
                                               Method::del, Method::options, Method::query, Method::trace};

bool is_param(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_rest(std::string_view segment) { return is_param(segment) && segment.ends_with("...}"); }

std::size_t slot(Method method) { return static_cast<std::size_t>(method); }

}  // namespace

Router::Router() {
  nodes_.emplace_back();
  nodes_[0].here.fill(-1);
  nodes_[0].rest.fill(-1);
}

std::uint32_t Router::child(std::uint32_t node, std::string_view segment) {
  const auto fresh = static_cast<std::uint32_t>(nodes_.size());
  if (is_param(segment)) {
    if (nodes_[node].param != 0) return nodes_[node].param;
    nodes_[node].param = fresh;
  } else {
    for (const auto& [text, index] : nodes_[node].literals) {
      if (text == segment) return index;
    }
    nodes_[node].literals.emplace_back(segment, fresh);
  }
  nodes_.emplace_back();
  nodes_.back().here.fill(-1);
  nodes_.back().rest.fill(-1);
  return fresh;
}

void Router::add(Method method, std::string pattern, Handler handler, RouteOptions options) {
  if (!pattern.starts_with('/')) throw std::invalid_argument("route pattern without leading '/': " + pattern);
  std::string_view rest = std::string_view(pattern).substr(1);
  std::uint32_t node = 0;
  std::size_t params = 0;
  ByMethod* place = nullptr;
  for (bool more = true; more;) {
    more = rest.find('/') != std::string_view::npos;
    const std::string_view segment = take_until(rest, '/');
    if (is_param(segment) && ++params > 4) throw std::invalid_argument("route pattern with over four {}: " + pattern);
    if (is_rest(segment)) {
      if (more) throw std::invalid_argument("route pattern goes on after {...}: " + pattern);
      place = &nodes_[node].rest;
    } else {
      node = child(node, segment);
      place = &nodes_[node].here;
    }
  }
  std::int16_t& entry = (*place)[slot(method)];
  if (entry >= 0) throw std::invalid_argument("route added twice: " + pattern);
  entry = static_cast<std::int16_t>(routes_.size());
  routes_.push_back({method, std::move(pattern), std::move(handler), options});
}

/// Walks the tree depth first in order of precedence. It goes on past a place that has the path without the method,
/// since a less specific pattern may have both.
struct Router::Search {
  const Router& router;
  Method method;
  std::array<std::string_view, 4>& params;
  std::size_t depth = 0;  // parameters bound so far
  unsigned seen = 0;      // bit per method found for this path
  const Route* found = nullptr;

  bool take(const ByMethod& place) {
    std::int16_t entry = place[slot(method)];
    if (entry < 0 && method == Method::head) entry = place[slot(Method::get)];
    if (entry >= 0) {
      found = &router.routes_[static_cast<std::size_t>(entry)];
      return true;
    }
    for (std::size_t i = 0; i < kMethods; ++i) {
      if (place[i] >= 0) seen |= 1U << i;
    }
    if (place[slot(Method::get)] >= 0) seen |= 1U << slot(Method::head);
    return false;
  }

  /// `path` is what follows the '/' after `node`; `ended` when there is no such '/'.
  bool walk(std::uint32_t index, std::string_view path, bool ended) {
    const Node& node = router.nodes_[index];
    if (ended) return take(node.here);
    std::string_view rest = path;
    const bool last = rest.find('/') == std::string_view::npos;
    const std::string_view segment = take_until(rest, '/');
    for (const auto& [text, next] : node.literals) {
      if (text == segment && walk(next, rest, last)) return true;
    }
    // Parameters are bound before going down; what a failed branch bound is overwritten by the next.
    if (depth < params.size()) {
      if (node.param != 0 && !segment.empty()) {
        params[depth++] = segment;
        if (walk(node.param, rest, last)) return true;
        --depth;
      }
      params[depth] = path;
      if (take(node.rest)) {
        ++depth;
        return true;
      }
    }
    return false;
  }
};

Router::Match Router::match(Method method, std::string_view path, std::array<std::string_view, 4>& params) const {
  Match match;
  if (!path.starts_with('/')) return match;
  Search search{*this, method, params};
  if (search.walk(0, path.substr(1), false)) match.route = search.found;
  for (std::size_t i = search.depth; i < params.size(); ++i) params[i] = {};
  if (match.route != nullptr || search.seen == 0) return match;
  match.path_known = true;
  for (const Method known : kAllMethods) {
    if ((search.seen & (1U << slot(known))) == 0) continue;
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += to_string(known);
  }
  return match;
}

}  // namespace hekto::http

// SPDX-License-Identifier: Apache-2.0
#include "app/access_log.h"

#include <array>

namespace hekto::app {
namespace {

constexpr std::size_t kMaxPath = 200;
/// What follows these is a secret of its own, whatever the method.
constexpr std::array<std::string_view, 4> kTokenParents = {"/delivery/", "/streams/", "/files/", "/upstream-webhooks/"};

}  // namespace

std::string loggable_path(const http::Exchange& exchange) {
  if (exchange.route != nullptr && exchange.route->pattern.find("{token}") != std::string::npos) {
    return exchange.route->pattern;
  }
  std::string_view path = exchange.request.path;
  for (const auto parent : kTokenParents) {
    if (const auto at = path.find(parent); at != std::string_view::npos) path = path.substr(0, at + parent.size());
  }
  return std::string(path.substr(0, kMaxPath));
}

void log_exchange(const http::Exchange& exchange, AccessLog mode) {
  const bool failed = exchange.status >= 500;
  const bool read = exchange.request.method == http::Method::get || exchange.request.method == http::Method::head;
  if (!failed && (mode == AccessLog::off || (mode == AccessLog::changes && read && exchange.status < 400))) return;
  log::write(failed ? log::Level::error : log::Level::info, "request",
             {{"request_id", exchange.request.request_id},
              {"method", http::to_string(exchange.request.method)},
              {"path", loggable_path(exchange)},
              {"status", exchange.status},
              {"bytes", exchange.response_bytes},
              {"ms", std::chrono::duration<double, std::milli>(exchange.duration).count()},
              {"remote", exchange.request.remote}});
}

}  // namespace hekto::app

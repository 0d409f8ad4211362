// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <unistd.h>

#include <boost/asio/post.hpp>

#include "http/core.h"
#include "http/listener.h"
#include "http/loop.h"

namespace hekto::http {

namespace {

/// After the cut connections only have to notice it; a handler that waits for something else may keep its own.
constexpr std::chrono::seconds kCutPatience{2};

}  // namespace

struct Server::Impl {
  Impl(async::IoThreads& threads, const Router& router, ListenerOptions listener, Observer observer)
      : io(threads),
        options(std::move(listener)),
        core(std::make_shared<Core>(router, std::move(observer), options.limits)) {}

  async::IoThreads& io;
  const ListenerOptions options;
  const std::shared_ptr<Core> core;
  std::vector<std::shared_ptr<Loop>> loops;
  std::shared_ptr<Listener> listener;
  std::uint16_t port = 0;
  bool drained = false;

  /// False at `deadline`, or at once when the io threads were stopped: then nobody would ever leave.
  bool wait_until_gone(Clock::time_point deadline) {
    std::unique_lock lock(core->mutex);
    const auto gone = [this] { return !core->accepting && core->connections == 0 && core->refusing == 0; };
    while (!gone()) {
      if (io.context(0).stopped() || Clock::now() >= deadline) return false;
      core->changed.wait_until(lock, std::min(deadline, Clock::now() + std::chrono::milliseconds(50)));
    }
    return true;
  }

  void on_each_loop(void (Loop::*what)()) {
    for (const auto& loop : loops) {
      boost::asio::post(loop->executor(), [loop, what] { ((*loop).*what)(); });
    }
  }
};

Server::Server(async::IoThreads& io, const Router& router, ListenerOptions options, Observer observer)
    : impl_(std::make_unique<Impl>(io, router, std::move(options), std::move(observer))) {}

Server::~Server() {
  drain_blocking(std::chrono::milliseconds(0));
  impl_->core->abandoned = true;
}

Result<void> Server::start() {
  Impl& impl = *impl_;
  auto trusted = AddressSet::parse(impl.options.trusted_proxies);
  if (!trusted) return std::unexpected(trusted.error());
  impl.core->trusted = std::move(*trusted);
  if (!impl.options.tls_certificate.empty()) {
    auto tls = TlsContext::load(impl.options.tls_certificate, impl.options.tls_key);
    if (!tls) return std::unexpected(tls.error());
    impl.core->tls = std::move(*tls);
  }
  auto bound = bind_listener(impl.options);
  if (!bound) return std::unexpected(bound.error());
  impl.port = bound->port;
  for (std::size_t i = 0; i < impl.io.count(); ++i) {
    impl.loops.push_back(std::make_shared<Loop>(impl.core, impl.io.context(i).get_executor()));
  }
  impl.listener =
      std::make_shared<Listener>(impl.core, impl.loops, impl.loops.front()->executor(), std::move(bound->socket));
  {
    std::scoped_lock lock(impl.core->mutex);
    impl.core->accepting = true;
  }
  impl.listener->start();
  return {};
}

std::uint16_t Server::port() const { return impl_->port; }

void Server::drain_blocking(std::chrono::milliseconds grace) {
  Impl& impl = *impl_;
  if (impl.drained || impl.listener == nullptr) return;
  impl.drained = true;
  impl.core->draining = true;
  impl.listener->stop();
  impl.on_each_loop(&Loop::drain);
  impl.wait_until_gone(Clock::now() + grace);
  // Also when all went in time: it ends the sweep.
  impl.on_each_loop(&Loop::cut);
  impl.wait_until_gone(Clock::now() + kCutPatience);
  if (!impl.options.unix_path.empty()) ::unlink(impl.options.unix_path.c_str());
}

std::size_t Server::connections() const { return impl_->core->connections.load(); }
std::uint64_t Server::refused_connections() const { return impl_->core->refused.load(); }

}  // namespace hekto::http

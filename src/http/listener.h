// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "async/task.h"
#include "http/core.h"
#include "http/descriptor.h"
#include "http/loop.h"

namespace hekto::http {

/// A socket bound and listening.
struct Bound {
  Descriptor socket;
  std::uint16_t port = 0;  ///< 0 for a Unix socket
};

/// Binds as the options say. A Unix socket left behind by a process that is gone is replaced.
Result<Bound> bind_listener(const ListenerOptions& options);

/// Accepts connections and deals them to the loops in turn.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(std::shared_ptr<Core> core, std::vector<std::shared_ptr<Loop>> loops, async::Executor executor,
           Descriptor socket);

  /// Any thread.
  void start();
  /// Takes what the kernel has accepted already, then closes. Any thread.
  void stop();

 private:
  async::Task<void> run();
  /// Accepts until nobody waits. False when the process is out of descriptors or memory.
  bool accept_all();
  void deal(Descriptor socket, Peer peer, Seat seat);

  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, async::Executor>;
  std::shared_ptr<Core> core_;
  std::vector<std::shared_ptr<Loop>> loops_;
  async::Executor executor_;
  boost::asio::posix::basic_stream_descriptor<async::Executor> socket_;  // owns the descriptor; only waits
  Timer pause_;
  std::size_t next_ = 0;
  bool stopping_ = false;
};

}  // namespace hekto::http

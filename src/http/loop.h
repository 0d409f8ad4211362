// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>

#include "async/task.h"
#include "http/core.h"
#include "http/descriptor.h"
#include "http/workspace.h"

namespace hekto::http {

using Clock = std::chrono::steady_clock;
class Session;

/// Where an idle connection receives the start of its next request. Small, as every idle connection holds one; a
/// request that does not fit goes on in its workspace.
using FirstBytes = std::array<char, 1024>;

/// An io thread's share of a listener: its connections, one timer for all their deadlines, what they reuse.
/// Everything but the constructor runs on that thread.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<Core> core, async::Executor executor);
  ~Loop();

  Core& core() { return *core_; }
  const async::Executor& executor() const { return executor_; }

  /// Starts a connection on an accepted socket.
  void adopt(Descriptor socket, Peer peer, Seat seat);
  void enlist(Session& session);
  /// Closes what is idle; the others close after their answer.
  void drain();
  /// Ends every connection now.
  void cut();

  std::unique_ptr<Workspace> take_workspace() { return pool_.take(); }
  void give_back(std::unique_ptr<Workspace> workspace) { pool_.give_back(std::move(workspace)); }
  std::unique_ptr<FirstBytes> take_first_bytes();
  void give_back(std::unique_ptr<FirstBytes> bytes);
  /// The Date header's value, rendered once a second.
  std::string_view date();
  /// 26 characters of base32. Unique enough to find a request in a log; nothing is kept secret by it.
  void make_request_id(std::string& out);

 private:
  void arm();
  void sweep();

  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, async::Executor>;
  struct Sessions;  // hides the list of an incomplete type

  std::shared_ptr<Core> core_;
  async::Executor executor_;
  Timer timer_;
  bool armed_ = false;
  Clock::duration interval_;
  WorkspacePool pool_;
  std::vector<std::unique_ptr<FirstBytes>> first_bytes_;  // free ones
  std::unique_ptr<Sessions> sessions_;
  std::int64_t date_second_ = -1;
  std::string date_;
  std::array<std::uint64_t, 2> id_state_{};
};

}  // namespace hekto::http

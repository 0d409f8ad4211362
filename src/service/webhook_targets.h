// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/stop.h"
#include "base/text.h"
#include "base/time.h"

namespace hekto::service {

/// How an exchange with a target went.
enum class TargetOutcome {
  answered,  ///< there is somebody, whatever was answered
  failed,    ///< no connection, no answer in time, or an answer that says that the target is not well
  unknown,   ///< nothing was tried
};

/// Who may send to which target. At most two exchanges with one target go on at once, at most one of them with news of
/// a prediction that still runs; a target that failed several times in a row is left alone for a while, and then tried
/// by one message. All calls on one thread.
class WebhookTargets {
 public:
  /// `scale` as in domain::webhook_breaker_pause. `suspects` is how many exchanges may go on at once with targets
  /// whose last one failed, so that they cannot take all the room there is.
  WebhookTargets(double scale, std::size_t suspects) : scale_(scale), suspects_(suspects) {}

  /// Whether a message may go to `target` now.
  bool may_send(std::string_view target, Time now) const;
  void take(const std::string& target);
  void release(const std::string& target, TargetOutcome outcome, Time now);

  /// A slot for news: true once it is taken, false when the target is left alone, or none came free within `limit`.
  async::Task<bool> take_for_news(std::string target, Duration limit);
  void release_news(const std::string& target, TargetOutcome outcome, Time now);

  /// The targets that take no message now.
  std::vector<std::string> busy(Time now) const;
  /// Ends all waiting for slots: the server stops.
  void stop_waiting();
  /// Drops what is known of targets that nothing was sent to for an hour.
  void forget_idle(Time now);
  std::size_t known() const { return targets_.size(); }

 private:
  struct Waiter {
    async::StopToken wake;
    bool granted = false;
  };
  struct Target {
    int messages = 0;
    int news = 0;
    int failures = 0;  // in a row
    int opened = 0;    // times in a row that it was left alone
    Time open_until{};
    Time failed_at{};
    std::list<std::shared_ptr<Waiter>> waiters;
  };
  bool is_open(const Target& t, Time now) const;
  bool takes_message(const Target& t, Time now) const;
  void settle(const std::string& name, TargetOutcome outcome, Time now);

  const double scale_;
  const std::size_t suspects_;
  std::size_t suspects_under_way_ = 0;  // messages under way to targets with failures
  bool stopping_ = false;
  std::unordered_map<std::string, Target, StringHash, std::equal_to<>> targets_;
};

}  // namespace hekto::service

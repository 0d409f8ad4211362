// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "app/config.h"
#include "app/metrics.h"
#include "async/blocking_pool.h"
#include "async/io_threads.h"
#include "async/task_scope.h"
#include "egress/curl_client.h"
#include "http/server.h"
#include "ports/clock.h"
#include "ports/event_bus.h"
#include "ports/file_store.h"
#include "ports/runner.h"
#include "ports/store.h"
#include "runners/replicate/remote_catalog.h"
#include "runners/replicate/replicate_relay.h"
#include "service/accounts.h"
#include "service/deployments.h"
#include "service/dispatcher.h"
#include "service/files.h"
#include "service/keyring.h"
#include "service/models.h"
#include "service/owed_cancels.h"
#include "service/predictions.h"
#include "service/relayer.h"
#include "service/retention.h"
#include "service/submissions.h"
#include "service/webhook_sender.h"
#include "service/webhooks.h"

namespace hekto::app {

class SystemClock : public ports::Clock {
 public:
  Time now() const override { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }
};

/// The whole server: everything is made here, in start order, and nothing else wires anything. Members are destroyed in
/// the reverse order, which is the stop order.
class Gateway {
 public:
  explicit Gateway(Config config);
  ~Gateway();

  /// Opens the store, takes up unfinished work, listens. On an error nothing is left running.
  Result<void> start();
  /// One URL for each listener, such as "http://127.0.0.1:8080".
  std::vector<std::string> urls() const;
  std::size_t recovered() const { return recovered_; }
  /// What is answered on the listeners, known once start() was called.
  const std::vector<http::Route>& routes() const { return router_.routes(); }

  /// Readiness goes first, then listeners, then runs, then the store. Returns within about config.drain_grace.
  void stop_blocking();

 private:
  Result<void> open_stores();
  Result<void> listen();
  void make_services(domain::Catalog catalog);
  void make_webhooks();
  void add_operator_routes();
  ports::RelayStats relay_stats() const;
  void make_relay(const egress::EgressPolicy& policy, Secret hook_key);
  void make_relayer();
  void make_egress(egress::EgressPolicy policy);
  void on_outside_request();
  Result<Secret> make_secret(std::string name);
  void start_background();

  const Config config_;
  SystemClock clock_;
  async::IoThreads io_;
  async::BlockingPool pool_;
  std::unique_ptr<ports::Store> store_;
  std::unique_ptr<ports::FileStore> files_;
  std::unique_ptr<ports::EventBus> bus_;
  std::unique_ptr<domain::Catalog> catalog_;
  std::unique_ptr<domain::LinkSigner> signer_;
  std::unique_ptr<domain::FileSigner> file_signer_;
  std::unique_ptr<ports::Runner> runner_;
  std::unique_ptr<ports::Scratch> scratch_;
  std::unique_ptr<egress::CurlClient> egress_;
  std::unique_ptr<egress::CurlClient> downloads_;
  std::unique_ptr<service::InputFetcher> fetcher_;
  service::LiveFiles live_files_;
  std::unique_ptr<egress::CurlClient> upstream_api_;
  std::unique_ptr<egress::CurlClient> upstream_files_;
  std::unique_ptr<runners::replicate::ReplicateRelay> relay_;  // nullptr: nothing is relayed, nor are those below there
  std::unique_ptr<runners::replicate::ReplicateCatalog> remote_catalog_;
  std::unique_ptr<service::Recent> recent_;
  std::unique_ptr<service::WebhookSender> webhook_sender_;
  std::unique_ptr<service::Webhooks> webhooks_;
  std::unique_ptr<service::Versions> versions_;
  std::unique_ptr<service::Dispatcher> dispatcher_;
  std::unique_ptr<service::Relayer> relayer_;
  std::unique_ptr<service::OwedCancels> owed_cancels_;
  std::unique_ptr<service::Predictions> predictions_;
  std::unique_ptr<service::Files> uploads_;
  std::unique_ptr<service::Deployments> deployments_;
  std::unique_ptr<service::Models> models_;
  std::unique_ptr<service::KeyRing> keys_;
  std::unique_ptr<service::Accounts> accounts_;
  std::unique_ptr<service::Retention> retention_;
  std::unique_ptr<service::Submissions> submissions_;
  async::TaskScope background_{"background"};
  std::unique_ptr<api::Api> api_;
  http::Router router_;
  http::Router admin_router_;
  Metrics metrics_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::unique_ptr<http::Server> admin_server_;
  std::vector<std::string> urls_;
  std::size_t recovered_ = 0;
  std::atomic<bool> ready_{false};
  std::atomic<bool> alone_{false};  // nobody but this machine reaches the server, as far as is known
  bool stopped_ = false;
};

}  // namespace hekto::app

// SPDX-License-Identifier: Apache-2.0
#include "app/gateway.h"

#include <algorithm>
#include <thread>

#include "api/system.h"
#include "app/access_log.h"
#include "app/egress_rules.h"
#include "async/run_blocking.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/random.h"
#include "bus/local/local_bus.h"
#include "files/disk/disk_file_store.h"
#include "runners/sandbox/sandbox_runner.h"
#include "service/catalog_loader.h"
#include "service/webhook_payload.h"
#include "store/sqlite/sqlite_store.h"

namespace hekto::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDeadlineInterval = 200ms;
constexpr std::size_t kPoolThreads = 4;

unsigned io_thread_count(unsigned configured) {
  return configured != 0 ? configured : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

async::Task<void> keep_deadlines(service::Predictions& predictions, async::StopToken stop) {
  while (co_await stop.sleep_for(kDeadlineInterval)) co_await predictions.enforce_deadlines();
}

}  // namespace

Gateway::Gateway(Config config)
    : config_(std::move(config)), io_(io_thread_count(config_.threads)), pool_(kPoolThreads) {
  io_.start();
}

Gateway::~Gateway() { stop_blocking(); }

Result<void> Gateway::start() {
  auto catalog = service::load_catalog(service::catalog_paths(config_.data, config_.models));
  if (!catalog) return std::unexpected(catalog.error());
  auto egress = egress_policy(config_);
  if (!egress) return std::unexpected(egress.error());
  if (auto opened = open_stores(); !opened) return opened;

  auto link_key = make_secret("link_key");
  if (!link_key) return std::unexpected(link_key.error());
  auto file_key = make_secret("file_key");
  if (!file_key) return std::unexpected(file_key.error());
  signer_ = std::make_unique<domain::LinkSigner>(std::move(*link_key));
  file_signer_ = std::make_unique<domain::FileSigner>(std::move(*file_key));
  make_webhooks(std::move(*egress));
  make_services(std::move(*catalog));
  if (auto loaded = async::run_blocking(io_.next(), keys_->load()); !loaded) return loaded;
  auto recovered = async::run_blocking(io_.next(), predictions_->recover());
  if (!recovered) return std::unexpected(recovered.error());
  recovered_ = *recovered;

  start_background();
  if (auto listening = listen(); !listening) return listening;
  ready_ = true;
  return {};
}

Result<void> Gateway::open_stores() {
  auto store = store::SqliteStore::open(config_.data, {.reserve = config_.reserve});
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  auto files = files::DiskFileStore::open(config_.data / "files", pool_);
  if (!files) return std::unexpected(files.error());
  files_ = std::move(*files);
  return {};
}

void Gateway::make_webhooks(egress::EgressPolicy policy) {
  store_->set_outbox(service::make_outbox(*signer_));
  egress_ = std::make_unique<egress::CurlClient>(std::move(policy));
  service::WebhookOptions options;
  options.attempt_limit = config_.webhook_timeout;
  options.keep = config_.webhook_keep;
  options.schedule_scale = config_.webhook_schedule_scale;
  webhook_sender_ = std::make_unique<service::WebhookSender>(io_, *store_, *egress_, clock_, *signer_, options);
  webhooks_ = std::make_unique<service::Webhooks>(*store_, clock_, *signer_,
                                                  [sender = webhook_sender_.get()] { sender->wake(); });
}

/// Made at the first start, then kept.
Result<Secret> Gateway::make_secret(std::string name) {
  auto kept = async::run_blocking(io_.next(), store_->setting(std::move(name), hex_encode(random_string_bytes(32))));
  if (!kept) return std::unexpected(kept.error());
  return Secret(std::move(*kept));
}

void Gateway::make_services(domain::Catalog catalog) {
  bus_ = std::make_unique<bus::LocalBus>();
  catalog_ = std::make_unique<domain::Catalog>(std::move(catalog));
  runner_ = std::make_unique<runners::SandboxRunner>(pool_, runners::SandboxOptions{config_.sandbox_speed});
  recent_ = std::make_unique<service::Recent>();
  versions_ = std::make_unique<service::Versions>(*store_, *catalog_);
  dispatcher_ = std::make_unique<service::Dispatcher>(
      io_, *store_, *files_, *bus_, clock_, *versions_, *runner_, *recent_,
      service::DispatchOptions{config_.concurrency, config_.time_limit, std::chrono::milliseconds(500),
                               [this](const service::SnapshotPtr& shown) { webhook_sender_->observe(shown); },
                               service::InputLimits{config_.max_inputs, config_.input_types}});
  predictions_ =
      std::make_unique<service::Predictions>(*store_, *bus_, clock_, *dispatcher_, *recent_,
                                             service::PredictionLimits{config_.queue_limit, config_.retention});
  uploads_ = std::make_unique<service::Files>(*store_, *files_, clock_,
                                              service::FileLimits{config_.max_file, config_.file_lifetime});
  deployments_ = std::make_unique<service::Deployments>(*store_, clock_);
  models_ = std::make_unique<service::Models>(*store_, clock_, *catalog_);
  keys_ = std::make_unique<service::KeyRing>(
      *store_, clock_, service::RateLimits{config_.rate_creates, config_.rate_reads, config_.rate_others});
  accounts_ = std::make_unique<service::Accounts>(*store_, clock_, keys_.get());
  retention_ = std::make_unique<service::Retention>(*store_, *files_, clock_, *recent_, config_.retention,
                                                    config_.file_lifetime);

  api_ = std::make_unique<api::Api>(
      api::Api{*keys_, *predictions_, *catalog_, *signer_, *file_signer_, *files_, *uploads_, *deployments_, *models_,
               *versions_, clock_, *webhooks_,
               api::ApiOptions{config_.public_url, config_.max_json_body, config_.link_lifetime, config_.hardware,
                               config_.idempotency_lifetime}});
  api::add_prediction_routes(router_, *api_);
  api::add_training_routes(router_, *api_);
  api::add_model_routes(router_, *api_);
  api::add_own_model_routes(router_, *api_);
  api::add_account_routes(router_, *api_);
  api::add_stream_routes(router_, *api_);
  api::add_file_routes(router_, *api_);
  api::add_deployment_routes(router_, *api_);
  api::add_hardware_routes(router_, *api_);
  api::add_collection_routes(router_, *api_);
  api::add_search_routes(router_, *api_);
  api::add_glued_routes(router_, *api_);
  api::add_delivery_routes(router_, *api_);
  api::add_webhook_routes(router_, *api_);
  api::add_openapi_routes(router_, *api_);
  api::add_admin_routes(admin_router_, *accounts_);
  api::add_webhook_admin_routes(admin_router_, *webhooks_);
  api::add_system_routes(router_, {[this] { return ready_ && store_->accepts_writes(); },
                                   [this] {
                                     Gauges gauges;
                                     for (const auto& server : servers_) {
                                       gauges.connections += server->connections();
                                       gauges.refused_connections += server->refused_connections();
                                     }
                                     gauges.queued = dispatcher_->queued();
                                     gauges.running = dispatcher_->running();
                                     gauges.keys = keys_->size();
                                     gauges.disk_has_room = store_->has_room();
                                     gauges.webhooks = webhook_sender_->stats();
                                     return metrics_.text(gauges);
                                   }});
}

void Gateway::start_background() {
  background_.spawn(io_.next(), retention_->run(background_.stop()));
  background_.spawn(io_.next(), keep_deadlines(*predictions_, background_.stop()));
  webhook_sender_->start();
}

Result<void> Gateway::listen() {
  const auto observe = [this](const http::Exchange& exchange) {
    metrics_.observe(exchange);
    log_exchange(exchange, config_.access_log);
  };
  std::vector<std::uint16_t> own_ports;
  for (const auto& text : config_.listen) {
    const auto address = parse_listen(text);
    if (!address) return std::unexpected(address.error());
    http::ListenerOptions options;
    options.host = address->host;
    options.port = address->port;
    options.tls_certificate = config_.tls_certificate;
    options.tls_key = config_.tls_key;
    options.trusted_proxies = config_.trusted_proxies;
    options.limits = config_.limits;
    auto server = std::make_unique<http::Server>(io_, router_, std::move(options), observe);
    if (auto started = server->start(); !started) return started;
    const bool ipv6 = address->host.find(':') != std::string::npos;
    urls_.push_back((config_.tls_certificate.empty() ? "http://" : "https://") +
                    (ipv6 ? "[" + address->host + "]" : address->host) + ":" + std::to_string(server->port()));
    own_ports.push_back(server->port());
    servers_.push_back(std::move(server));
  }
  egress_->set_own_ports(own_ports);
  http::ListenerOptions admin;
  admin.unix_path = (config_.data / "hekto.sock").string();
  admin_server_ = std::make_unique<http::Server>(io_, admin_router_, std::move(admin), [this](const auto& exchange) {
    log_exchange(exchange, config_.access_log);
  });
  return admin_server_->start();
}

std::vector<std::string> Gateway::urls() const { return urls_; }

void Gateway::stop_blocking() {
  if (std::exchange(stopped_, true)) return;
  ready_ = false;
  const auto until = std::chrono::steady_clock::now() + config_.drain_grace;
  const auto left = [&] {
    return std::max(0ms,
                    std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()));
  };
  if (predictions_) predictions_->stop_waiting();
  for (auto& server : servers_) server->drain_blocking(left());
  if (admin_server_) admin_server_->drain_blocking(100ms);
  if (dispatcher_) dispatcher_->stop_blocking(left());
  // What is cut off is sent again after the next start.
  if (webhook_sender_) webhook_sender_->stop_blocking(left(), [this] { egress_->close(); });
  background_.close();
  background_.wait_blocking(10s);
  servers_.clear();
  admin_server_.reset();
}

}  // namespace hekto::app

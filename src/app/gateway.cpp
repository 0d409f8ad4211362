// SPDX-License-Identifier: Apache-2.0
#include "app/gateway.h"

#include <algorithm>
#include <fstream>
#include <thread>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "api/admin/upstreams.h"
#include "api/system.h"
#include "app/access_log.h"
#include "app/egress_rules.h"
#include "async/run_blocking.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/random.h"
#include "bus/local/local_bus.h"
#include "files/disk/disk_file_store.h"
#include "files/disk/disk_scratch.h"
#include "runners/replicate/routes.h"
#include "runners/sandbox/sandbox_runner.h"
#include "service/catalog_loader.h"
#include "service/webhook_payload.h"
#include "store/sqlite/sqlite_store.h"

namespace hekto::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDeadlineInterval = 200ms;
/// So often memory is given back, when so many more runs are parked.
constexpr Duration kGiveBackInterval = 10s;
constexpr std::size_t kWorthGivingBack = 500;
constexpr std::size_t kPoolThreads = 4;
constexpr const char* kOutsideMark = "reached-from-outside";

unsigned io_thread_count(unsigned configured) {
  return configured != 0 ? configured : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

async::Task<void> leave_mark(async::BlockingPool& pool, std::filesystem::path path) {
  const bool left = co_await pool.run([path = std::move(path)] { return std::ofstream(path).good(); });
  if (!left) log::warn("the data folder cannot be written: after a restart this machine may be called again");
}

async::Task<void> keep_deadlines(service::Predictions& predictions, async::StopToken stop) {
  while (co_await stop.sleep_for(kDeadlineInterval)) co_await predictions.enforce_deadlines();
}

/// What runs leave behind when they are parked lies between what is still used, where the allocator alone does not give
/// it back.
async::Task<void> give_memory_back(service::Relayer& relayer, async::BlockingPool& pool, async::StopToken stop) {
  std::size_t before = 0;
  while (co_await stop.sleep_for(kGiveBackInterval)) {
    const auto parked = relayer.parked();
    const bool worth = parked >= before + kWorthGivingBack;
    before = worth ? parked : std::min(before, parked);
    if (!worth) continue;
#ifdef __GLIBC__
    (void)co_await pool.run([] { return malloc_trim(0); });
#endif
  }
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
  auto hook_key = make_secret("upstream_webhook_key");
  if (!hook_key) return std::unexpected(hook_key.error());
  make_relay(*egress, std::move(*hook_key));
  make_egress(std::move(*egress));
  make_webhooks();
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
  auto scratch = files::DiskScratch::open(config_.data / "scratch", pool_);
  if (!scratch) return std::unexpected(scratch.error());
  scratch_ = std::move(*scratch);
  return {};
}

/// Two clients, because downloads write to the disk on their client's thread: a slow disk holds up no webhook.
void Gateway::make_egress(egress::EgressPolicy policy) {
  // What the last process has learnt: a webhook that waits for its next attempt may be sent before anybody asks.
  if (policy.allow_loopback && std::filesystem::exists(config_.data / kOutsideMark)) policy.allow_loopback = false;
  alone_ = policy.allow_loopback;
  if (alone_) {
    log::warn(
        "inputs and webhooks may lead to this machine, since nobody else seems to reach this server; "
        "set public_url when somebody does");
  }
  egress_ = std::make_unique<egress::CurlClient>(policy);
  downloads_ = std::make_unique<egress::CurlClient>(std::move(policy), "hekto-download");
  service::FetchOptions options;
  options.limit = config_.fetch_timeout;
  options.at_once = config_.fetch_concurrency;
  options.per_host = config_.fetch_per_host;
  if (config_.fetch_inputs) {
    fetcher_ = std::make_unique<service::InputFetcher>(*downloads_, *scratch_, clock_, options);
  }
}

/// Upstreams lie where the operator says; output files that lie elsewhere are under the rules for all that clients
/// name.
void Gateway::make_relay(const egress::EgressPolicy& rules, Secret hook_key) {
  if (config_.upstreams.empty()) return;
  auto policy = rules;
  policy.allow_loopback = false;
  for (const auto& upstream : config_.upstreams) {
    policy.trusted_origins.push_back(runners::replicate::origin_of(upstream.url));
    if (!upstream.ca_file.empty()) policy.ca_files.emplace(policy.trusted_origins.back(), upstream.ca_file);
  }
  upstream_api_ = std::make_unique<egress::CurlClient>(policy, "hekto-upstream");
  upstream_files_ = std::make_unique<egress::CurlClient>(std::move(policy), "hekto-outputs");
  runners::replicate::RelayTimes times;
  times.quiet = config_.park_after;
  relay_ = std::make_unique<runners::replicate::ReplicateRelay>(
      io_, config_.upstreams, *upstream_api_, *upstream_files_, *store_, clock_, std::move(hook_key), std::move(times));
  remote_catalog_ =
      std::make_unique<runners::replicate::ReplicateCatalog>(io_, relay_->pool(), relay_->client(), clock_);
}

void Gateway::make_relayer() {
  if (!relay_) return;
  service::RelayerOptions options;
  options.concurrency = config_.relay_concurrency;
  options.inputs = service::InputLimits{config_.max_inputs, config_.max_input_count, config_.input_types};
  options.links = signer_.get();
  options.link_lifetime = config_.link_lifetime;
  options.live = &live_files_;
  relayer_ = std::make_unique<service::Relayer>(
      io_, *store_, *files_, clock_, *relay_,
      [this](domain::Prediction p) { return dispatcher_->publish(std::move(p)); },
      [this](std::string_view id) { recent_->erase(id); }, std::move(options));
  owed_cancels_ = std::make_unique<service::OwedCancels>(io_, *store_, clock_, *relay_);
}

/// A proxy on this machine lets others in, although every listener is on loopback.
void Gateway::on_outside_request() {
  if (!alone_.load(std::memory_order_relaxed) || !alone_.exchange(false)) return;
  egress_->forbid_loopback();
  downloads_->forbid_loopback();
  log::warn(
      "a request came through a proxy or by another host name: inputs and webhooks lead to this machine no "
      "longer; list 127.0.0.0/8 and ::1 in egress.allow if they are to");
  background_.spawn(io_.next(), leave_mark(pool_, config_.data / kOutsideMark));
}

void Gateway::make_webhooks() {
  store_->set_outbox(service::make_outbox(*signer_));
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
  versions_ = std::make_unique<service::Versions>(*store_, *catalog_, remote_catalog_.get());
  dispatcher_ = std::make_unique<service::Dispatcher>(
      io_, *store_, *files_, *bus_, clock_, *versions_, *runner_, *recent_,
      service::DispatchOptions{config_.concurrency, config_.time_limit, std::chrono::milliseconds(500),
                               [this](const service::SnapshotPtr& shown) {
                                 webhook_sender_->observe(shown);
                                 const auto& submission = shown->value.submission;
                                 if (owed_cancels_ && submission && submission->cancel_owed) owed_cancels_->wake();
                               },
                               service::InputLimits{config_.max_inputs, config_.max_input_count, config_.input_types},
                               signer_.get(), config_.link_lifetime, fetcher_.get()});
  make_relayer();
  predictions_ = std::make_unique<service::Predictions>(
      *store_, *bus_, clock_, *dispatcher_, *recent_, service::PredictionLimits{config_.queue_limit, config_.retention},
      relayer_.get());
  uploads_ = std::make_unique<service::Files>(*store_, *files_, clock_,
                                              service::FileLimits{config_.max_file, config_.file_lifetime});
  deployments_ = std::make_unique<service::Deployments>(*store_, clock_);
  models_ = std::make_unique<service::Models>(*store_, clock_, *catalog_);
  keys_ = std::make_unique<service::KeyRing>(
      *store_, clock_, service::RateLimits{config_.rate_creates, config_.rate_reads, config_.rate_others});
  accounts_ = std::make_unique<service::Accounts>(*store_, clock_, keys_.get());
  submissions_ = std::make_unique<service::Submissions>(*store_, clock_);
  retention_ = std::make_unique<service::Retention>(*store_, *files_, clock_, *recent_, config_.retention,
                                                    config_.file_lifetime);

  api_ = std::make_unique<api::Api>(
      api::Api{*keys_, *predictions_, *catalog_, *signer_, *file_signer_, *files_, *uploads_, *deployments_, *models_,
               *versions_, clock_, *webhooks_, live_files_,
               api::ApiOptions{config_.public_url, config_.max_json_body, config_.link_lifetime, config_.hardware,
                               config_.idempotency_lifetime,
                               alone_ ? std::function<void()>([this] { on_outside_request(); }) : nullptr},
               remote_catalog_.get()});
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
  if (relay_ && relay_->has_webhooks()) api::add_upstream_webhook_routes(router_, relay_->hooks());
  add_operator_routes();
}

ports::RelayStats Gateway::relay_stats() const { return relay_ ? relay_->stats() : ports::RelayStats{}; }

void Gateway::add_operator_routes() {
  api::add_admin_routes(admin_router_, *accounts_);
  api::add_webhook_admin_routes(admin_router_, *webhooks_);
  api::add_upstream_admin_routes(admin_router_, {[this] { return std::optional(relay_stats()); }, *submissions_});
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
                                     gauges.upstreams = relay_stats();
                                     if (relayer_) {
                                       gauges.relayed = relayer_->running();
                                       gauges.parked = relayer_->parked();
                                       gauges.relay_queued = relayer_->queued();
                                     }
                                     if (relay_) gauges.upstream_hooks = relay_->hooks().hook_stats();
                                     return metrics_.text(gauges);
                                   }});
}

void Gateway::start_background() {
  background_.spawn(io_.next(), retention_->run(background_.stop()));
  background_.spawn(io_.next(), keep_deadlines(*predictions_, background_.stop()));
  webhook_sender_->start();
  if (relay_) {
    background_.spawn(io_.next(), give_memory_back(*relayer_, pool_, background_.stop()));
    relay_->start();
    owed_cancels_->start();
  }
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
  if (upstream_api_) upstream_api_->set_own_ports(own_ports);
  if (upstream_files_) upstream_files_->set_own_ports(own_ports);
  downloads_->set_own_ports(std::move(own_ports));
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
  if (relayer_) relayer_->stop_blocking(left(), [this] { upstream_api_->close(); });
  if (upstream_files_) upstream_files_->close();
  if (upstream_api_) upstream_api_->close();
  if (owed_cancels_) owed_cancels_->stop_blocking();
  if (remote_catalog_) remote_catalog_->stop_blocking();
  if (relay_) relay_->stop_blocking();
  if (downloads_) downloads_->close();
  // What is cut off is sent again after the next start.
  if (webhook_sender_) webhook_sender_->stop_blocking(left(), [this] { egress_->close(); });
  background_.close();
  background_.wait_blocking(10s);
  servers_.clear();
  admin_server_.reset();
}

}  // namespace hekto::app

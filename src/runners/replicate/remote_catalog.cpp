// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/remote_catalog.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/remote_model.h"
#include "runners/replicate/remote_text.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;

/// Versions that are remembered by their model.
constexpr std::size_t kMaxVersions = 100'000;
/// What an entry costs beside its texts, and how much more a schema takes once it is read.
constexpr std::size_t kEntryCost = 512;
constexpr std::size_t kReadCost = 6;
constexpr std::string_view kDown = "The models of this server cannot be read now. Please try again shortly.";

std::unexpected<Error> unknown() { return fail(ErrorCode::not_found, "The requested resource could not be found."); }

std::string model_path(std::string_view owner, std::string_view name, std::string_view version) {
  auto path = "/models/" + std::string(owner) + "/" + std::string(name);
  if (!version.empty()) path.append("/versions/").append(version);
  return path;
}

/// Whether a path leads to where it says: no segment of dots, in whatever spelling, that would be folded on its way to
/// another part of the upstream's API.
bool is_plain(std::string_view path) {
  const bool visible =
      std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7F && c != '\\' && c != '"' && c != '#'; });
  std::string_view rest = path.substr(0, path.find('?'));
  while (visible && !rest.empty()) {
    const auto segment = percent_decode(take_until(rest, '/'), false);
    if (!segment || *segment == "." || *segment == ".." || segment->find('/') != std::string::npos) return false;
  }
  return visible;
}

}  // namespace

ReplicateCatalog::ReplicateCatalog(async::IoThreads& io, AccountPool& pool, UpstreamClient& client,
                                   const ports::Clock& clock, std::size_t max_bytes)
    : io_(io), pool_(pool), client_(client), clock_(clock), max_bytes_(max_bytes) {}

ReplicateCatalog::~ReplicateCatalog() { stop_blocking(); }

void ReplicateCatalog::stop_blocking() {
  stop_.request_stop();
  scope_.close();
  scope_.wait_blocking(30s);
}

std::size_t ReplicateCatalog::size() const {
  std::scoped_lock lock(mutex_);
  return bytes_;
}

bool ReplicateCatalog::serves(const domain::RelayTarget& target) const {
  if (target.kind == domain::RelayTarget::Kind::version && target.name.find('/') == std::string::npos) {
    std::unique_lock lock(mutex_);
    const auto found = model_of_.find(target.name);
    const auto model = found == model_of_.end() ? std::string() : found->second;
    lock.unlock();
    if (!model.empty()) return pool_.serves({domain::RelayTarget::Kind::model, model});
  }
  return pool_.serves(target);
}

std::vector<AccountPtr> ReplicateCatalog::accounts_for(const Question& question) const {
  std::vector<AccountPtr> found;
  const auto model = model_in_path(question.path);
  for (const auto& account : pool_.accounts()) {
    const auto& options = account->upstream->options;
    const bool fits = question.at.empty() ? model.empty() || serves_model(options, model)
                                          : question.at == options.name + "/" + account->options.name;
    // One answer is one upstream's: another one's pages do not follow on it.
    if (fits && (found.empty() || found.front()->upstream == account->upstream)) found.push_back(account);
  }
  return found;
}

async::Task<Result<ports::RemoteDocument>> ReplicateCatalog::get(std::string method, std::string path,
                                                                 std::string body) {
  if (!is_plain(path)) co_return unknown();
  const bool lists_models = method == "GET" && path.substr(0, path.find('?')) == "/models";
  if (lists_models && !pool_.accounts().empty()) {
    const auto& options = pool_.accounts().front()->upstream->options;
    const auto is_one = [](const std::string& pattern) { return pattern.find('*') == std::string::npos; };
    if (std::ranges::all_of(options.models, is_one)) co_return co_await list_of(options);
  }
  co_return co_await answer_to({std::move(method), std::move(path), std::move(body), {}});
}

/// Few models of an upstream that has many: its own pages would have next to nothing on them.
async::Task<ReplicateCatalog::Answer> ReplicateCatalog::list_of(const UpstreamOptions& options) {
  std::vector<Question> questions;
  for (const auto& name : options.models) {
    if (serves_model(options, name)) questions.push_back({"GET", "/models/" + name, {}, {}});
  }
  for (const auto& question : questions) {
    bool kept = false;
    {
      std::scoped_lock lock(mutex_);
      kept = entries_.contains(question.key());
    }
    if (!kept) ask(question, nullptr);
  }
  std::string results;
  for (auto& question : questions) {
    const auto answer = co_await answer_to(std::move(question));
    if (!answer && answer.error().code != ErrorCode::not_found) co_return answer;
    if (!answer || answer->status != 200 || !is_public_model(*answer->body)) continue;
    if (!results.empty()) results += ',';
    results += *answer->body;
  }
  ports::RemoteDocument list;
  list.status = 200;
  list.content_type = "application/json";
  list.body = std::make_shared<const std::string>(R"({"next":null,"previous":null,"results":[)" + results + "]}");
  co_return list;
}

async::Task<ReplicateCatalog::Answer> ReplicateCatalog::answer_to(Question question) {
  std::optional<ports::RemoteDocument> kept;
  bool fresh = false;
  {
    std::scoped_lock lock(mutex_);
    if (const auto found = entries_.find(question.key()); found != entries_.end()) {
      auto& entry = found->second;
      uses_.splice(uses_.begin(), uses_, entry.use);
      const auto age = clock_.now() - entry.asked_at;
      fresh = age < (entry.document.status == 200 ? kFresh : kFreshMissing);
      if (fresh || (entry.document.status == 200 && age < kStale)) kept = entry.document;
    }
  }
  if (!kept) {
    co_return co_await async::complete<Answer>(
        [this, &question](async::Completer<Answer> done) { ask(std::move(question), std::move(done)); });
  }
  if (!fresh) ask(std::move(question), nullptr);
  co_return std::move(*kept);
}

void ReplicateCatalog::ask(Question question, async::Completer<Answer> done) {
  const auto key = question.key();
  {
    std::scoped_lock lock(mutex_);
    const auto [place, is_first] = asking_.try_emplace(key);
    if (done) place->second.push_back(std::move(done));
    if (!is_first) return;
  }
  if (scope_.spawn(io_.next(), ask_all(std::move(question)))) return;
  std::vector<async::Completer<Answer>> waiting;
  {
    std::scoped_lock lock(mutex_);
    waiting = std::move(asking_.extract(key).mapped());
  }
  for (auto& waiter : waiting) waiter(fail(ErrorCode::unavailable, std::string(kDown)));
}

async::Task<void> ReplicateCatalog::ask_all(Question question) {
  const auto key = question.key();
  Answer answer = unknown();
  const auto accounts = accounts_for(question);
  if (!accounts.empty()) answer = fail(ErrorCode::unavailable, std::string(kDown));
  for (const auto& account : accounts) {
    if (auto got = co_await ask_one(question, account)) {
      answer = std::move(*got);
      break;
    }
  }
  std::vector<async::Completer<Answer>> waiting;
  {
    std::scoped_lock lock(mutex_);
    if (!answer && !accounts.empty()) {
      const auto found = entries_.find(key);
      const bool shown = found != entries_.end() && found->second.document.status == 200 &&
                         clock_.now() - found->second.asked_at < kStale;
      if (shown) answer = found->second.document;
    }
    waiting = std::move(asking_.extract(key).mapped());
  }
  for (auto& waiter : waiting) waiter(answer);
}

/// nullopt: the account did not say.
async::Task<std::optional<ReplicateCatalog::Answer>> ReplicateCatalog::ask_one(const Question& question,
                                                                               AccountPtr account) {
  const auto& upstream = *account->upstream;
  const auto key = question.key();
  std::optional<ports::RemoteDocument> before;
  ports::HttpRequest request;
  {
    std::scoped_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end() && !found->second.etag.empty() && found->second.upstream == upstream.options.name) {
      request.headers.emplace_back("If-None-Match", found->second.etag);
      before = found->second.document;
    }
  }
  if (auto taken = co_await pool_.take_other(account, stop_); !taken) co_return std::nullopt;
  request.method = question.method;
  request.body = question.body;
  request.limit = 10s;
  request.max_reply = kMaxDocument;
  request.stop = stop_;
  request.reuse = true;
  if (question.method != "GET") request.headers.emplace_back("Content-Type", "text/plain");
  const bool mapped = question.at.empty();
  auto reply = co_await client_.send(account, std::move(request),
                                     mapped ? path_there(upstream.options, question.path) : "/v1" + question.path);
  if (reply && reply->status == 429) pool_.throttle_others(account, retry_after(*reply));
  if (!reply || reply->truncated) co_return std::nullopt;
  if (reply->status == 304 && before) {
    keep(key, *before, std::string(reply->header("etag")), upstream.options.name);
    co_return Answer(std::move(*before));
  }
  if (reply->status != 200 && reply->status != 400 && reply->status != 404 && reply->status != 422) {
    co_return std::nullopt;
  }
  ports::RemoteDocument document;
  document.status = reply->status;
  document.content_type = reply->header("content-type");
  document.body = std::make_shared<const std::string>(text_for_clients(upstream.options, upstream.scrubber,
                                                                       question.path, reply->status,
                                                                       document.content_type, std::move(reply->body)));
  keep(key, document, std::string(reply->header("etag")), upstream.options.name);
  co_return Answer(std::move(document));
}

void ReplicateCatalog::keep(const std::string& key, ports::RemoteDocument document, std::string etag,
                            const std::string& upstream) {
  std::scoped_lock lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    uses_.push_front(key);
    found = entries_.emplace(key, Entry{}).first;
    found->second.use = uses_.begin();
  }
  auto& entry = found->second;
  if (!etag.empty() || entry.document.body != document.body) entry.etag = std::move(etag);
  // What was made of the same text stays.
  if (entry.document.body != document.body) entry.model.reset();
  entry.document = std::move(document);
  entry.upstream = upstream;
  entry.asked_at = clock_.now();
  recount(entry, key);
}

void ReplicateCatalog::recount(Entry& entry, const std::string& key) {
  bytes_ -= entry.cost;
  entry.cost = kEntryCost + 2 * key.size() + entry.document.body->size() * (entry.model ? kReadCost : 1);
  bytes_ += entry.cost;
  while (bytes_ > max_bytes_ && uses_.size() > 1) {
    const auto oldest = entries_.find(uses_.back());
    bytes_ -= oldest->second.cost;
    entries_.erase(oldest);
    uses_.pop_back();
  }
}

std::shared_ptr<const domain::Model> ReplicateCatalog::kept_model(const Question& question, std::string_view owner,
                                                                  std::string_view name) {
  const auto key = question.key();
  std::shared_ptr<const std::string> body;
  {
    std::scoped_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.document.status != 200) return nullptr;
    if (found->second.model) return found->second.model;
    body = found->second.document.body;
  }
  const bool of_version = question.path.find("/versions/") != std::string::npos;
  auto model = of_version ? model_of_version(*body, owner, name) : model_of(*body, owner, name);
  if (!model) return nullptr;
  std::scoped_lock lock(mutex_);
  const auto& id = model->versions.front().id;
  if (!id.empty() && question.at.empty()) {
    if (model_of_.size() >= kMaxVersions) model_of_.clear();
    model_of_[id] = model->full_name();
  }
  if (const auto found = entries_.find(key); found != entries_.end() && found->second.document.body == body) {
    found->second.model = model;
    uses_.splice(uses_.begin(), uses_, found->second.use);
    recount(found->second, key);
  }
  return model;
}

domain::Offer ReplicateCatalog::known_answer(const Question& question, std::string_view owner, std::string_view name,
                                             std::string_view version) {
  bool is_fresh = false;
  {
    std::scoped_lock lock(mutex_);
    const auto found = entries_.find(question.key());
    if (found != entries_.end()) {
      const auto age = clock_.now() - found->second.asked_at;
      is_fresh = age < (found->second.document.status == 200 ? kFresh : kFreshMissing);
      uses_.splice(uses_.begin(), uses_, found->second.use);
    }
  }
  if (!is_fresh) ask(question, nullptr);
  if (auto model = kept_model(question, owner, name)) return relayed_offer(std::move(model));
  return relayed_offer(open_model(owner, name, version));
}

domain::Offer ReplicateCatalog::known(std::string_view owner, std::string_view name, std::string_view version) {
  std::string model_name;
  if (owner.empty()) {
    std::scoped_lock lock(mutex_);
    const auto found = model_of_.find(std::string(version));
    if (found == model_of_.end()) return relayed_offer(open_model("", "", version));
    model_name = found->second;
    owner = std::string_view(model_name).substr(0, model_name.find('/'));
    name = std::string_view(model_name).substr(model_name.find('/') + 1);
  }
  const auto path = model_path(owner, name, version);
  if (!is_plain(path)) return relayed_offer(open_model(owner, name, version));
  return known_answer({"GET", path, {}, {}}, owner, name, version);
}

async::Task<Result<domain::Offer>> ReplicateCatalog::certain_answer(Question question, std::string owner,
                                                                    std::string name, std::string version) {
  auto document = co_await answer_to(question);
  if (!document) co_return std::unexpected(document.error());
  if (document->status != 200) co_return unknown();
  auto model = kept_model(question, owner, name);
  co_return relayed_offer(model ? std::move(model) : open_model(owner, name, version));
}

async::Task<Result<domain::Offer>> ReplicateCatalog::find(std::string owner, std::string name, std::string version) {
  if (owner.empty()) co_return known(owner, name, version);
  auto path = model_path(owner, name, version);
  if (!is_plain(path)) co_return unknown();
  co_return co_await certain_answer({"GET", std::move(path), {}, {}}, std::move(owner), std::move(name),
                                    std::move(version));
}

domain::Offer ReplicateCatalog::known_at(const domain::RemoteHome& home, std::string_view owner, std::string_view name,
                                         std::string_view version) {
  const auto at = home.upstream + "/" + home.account;
  auto offer = known_answer({"GET", "/models/" + home.model + "/versions/" + std::string(version), {}, at}, owner, name,
                            version);
  offer.at = at;
  return offer;
}

async::Task<Result<domain::Offer>> ReplicateCatalog::find_at(domain::RemoteHome home, std::string owner,
                                                             std::string name, std::string version) {
  const auto at = home.upstream + "/" + home.account;
  auto path = "/models/" + home.model + "/versions/" + version;
  auto offer =
      co_await certain_answer({"GET", std::move(path), {}, at}, std::move(owner), std::move(name), std::move(version));
  if (offer) offer->at = at;
  co_return offer;
}

async::Task<void> ReplicateCatalog::remove_at(domain::RemoteHome home, std::string version) {
  const auto account = pool_.find(home.upstream, home.account);
  if (!account) co_return;
  if (auto taken = co_await pool_.take_other(account, stop_); !taken) co_return;
  ports::HttpRequest request;
  request.method = "DELETE";
  request.limit = 10s;
  request.stop = stop_;
  const auto path = "/v1/models/" + home.model + "/versions/" + version;
  const auto reply = co_await client_.send(account, std::move(request), path);
  if (!reply || reply->status >= 300) log::warn("a version could not be deleted upstream", {{"version", version}});
}

}  // namespace hekto::runners::replicate

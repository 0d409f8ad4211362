// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/webhooks.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/json_text.h"

namespace hekto::store {
namespace {

using domain::MessageState;
using domain::WebhookMessage;

static_assert(static_cast<int>(MessageState::pending) == 0 && static_cast<int>(MessageState::delivered) == 1 &&
              static_cast<int>(MessageState::dead) == 2);

#define HEKTO_MESSAGE_COLUMNS \
  "seq, id, prediction_id, account_id, state, attempts, since, due_at, settled_at, target, url"

constexpr char kInsert[] =
    "INSERT INTO webhook_messages(id, prediction_id, account_id, state, attempts, since, due_at, settled_at, target, "
    "url, body_size) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
constexpr char kInsertBody[] = "INSERT INTO webhook_bodies(seq, body) VALUES(last_insert_rowid(), ?1)";

// What is left out is told apart inside the index, so that a long queue of one target costs the others little.
constexpr char kDue[] =
    "SELECT id, prediction_id, target, body_size FROM webhook_messages INDEXED BY webhook_messages_due "
    "WHERE state = 0 AND due_at <= ?1 AND target NOT IN (SELECT value FROM json_each(?2)) "
    "AND id NOT IN (SELECT value FROM json_each(?3)) ORDER BY due_at, seq LIMIT ?4";

constexpr char kFind[] = "SELECT " HEKTO_MESSAGE_COLUMNS
                         ", (SELECT b.body FROM webhook_bodies b WHERE b.seq = webhook_messages.seq) "
                         "FROM webhook_messages WHERE id = ?1";
constexpr char kPlace[] = "SELECT seq, state FROM webhook_messages WHERE id = ?1";

constexpr char kAddAttempt[] =
    "INSERT INTO webhook_attempts(message, at, took, status, error) VALUES(?1, ?2, ?3, ?4, ?5)";
constexpr char kCount[] = "UPDATE webhook_messages SET attempts = attempts + 1 WHERE seq = ?1";
constexpr char kSettle[] =
    "UPDATE webhook_messages SET state = ?2, due_at = coalesce(?3, due_at), settled_at = ?4 WHERE seq = ?1";
constexpr char kDropBody[] = "DELETE FROM webhook_bodies WHERE seq = ?1";

constexpr char kList[] = "SELECT " HEKTO_MESSAGE_COLUMNS " FROM webhook_messages ORDER BY seq DESC LIMIT ?1";
constexpr char kListOfAccount[] =
    "SELECT " HEKTO_MESSAGE_COLUMNS " FROM webhook_messages WHERE account_id = ?2 ORDER BY seq DESC LIMIT ?1";
constexpr char kListUndelivered[] =
    "SELECT " HEKTO_MESSAGE_COLUMNS
    " FROM webhook_messages INDEXED BY webhook_messages_undelivered WHERE state <> 1 AND (state = 2 OR attempts > 0) "
    "AND (?2 IS NULL OR account_id = ?2) ORDER BY seq DESC LIMIT ?1";
constexpr char kAttempts[] = "SELECT at, took, status, error FROM webhook_attempts WHERE message = ?1 ORDER BY seq";

constexpr char kResend[] =
    "UPDATE webhook_messages SET state = 0, attempts = 0, since = ?2, due_at = ?2, settled_at = NULL WHERE seq = ?1";
constexpr char kKeepBody[] = "INSERT INTO webhook_bodies(seq, body) VALUES(?1, ?2) ON CONFLICT DO NOTHING";
constexpr char kMeasureBody[] =
    "UPDATE webhook_messages SET body_size = (SELECT length(body) FROM webhook_bodies b WHERE b.seq = ?1) "
    "WHERE seq = ?1";

constexpr char kExpired[] =
    "SELECT seq FROM webhook_messages INDEXED BY webhook_messages_since WHERE state = 0 AND since < ?1 LIMIT ?2";
constexpr char kForgettable[] =
    "SELECT seq FROM webhook_messages INDEXED BY webhook_messages_settled "
    "WHERE state <> 0 AND settled_at < ?1 LIMIT ?2";
constexpr char kForgetAttempts[] = "DELETE FROM webhook_attempts WHERE message = ?1";
constexpr char kForget[] = "DELETE FROM webhook_messages WHERE seq = ?1";
constexpr char kPending[] = "SELECT count(*) FROM webhook_messages INDEXED BY webhook_messages_since WHERE state = 0";

constexpr char kSecrets[] = "SELECT secret, previous, previous_until FROM webhook_secrets WHERE account_id = ?1";
constexpr char kMakeSecret[] = "INSERT INTO webhook_secrets(account_id, secret) VALUES(?1, ?2) ON CONFLICT DO NOTHING";
constexpr char kRotateSecret[] =
    "INSERT INTO webhook_secrets(account_id, secret) VALUES(?1, ?2) ON CONFLICT DO UPDATE "
    "SET previous = secret, previous_until = ?3, secret = excluded.secret";

std::int64_t limit_number(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, 1 << 30));
}

std::unexpected<Error> unknown(std::string_view id) {
  return fail(ErrorCode::not_found, "there is no webhook message " + std::string(id));
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) {
    if (out.size() > 1) out += ',';
    append_json_string(out, text);
  }
  return out += ']';
}

MessageState take_state(Query& query) {
  const auto number = query.take_int();
  if (number < 0 || number > static_cast<int>(MessageState::dead)) {
    throw std::runtime_error("the row of a webhook message is damaged");
  }
  return static_cast<MessageState>(number);
}

/// Reads HEKTO_MESSAGE_COLUMNS; returns the message's place.
std::int64_t take_message(Query& query, WebhookMessage& m) {
  const auto seq = query.take_int();
  m.id = query.take_text();
  m.prediction_id = query.take_text();
  m.account = query.take_text();
  m.state = take_state(query);
  m.attempts = static_cast<int>(query.take_int());
  m.since = query.take_time();
  m.due_at = query.take_time();
  m.settled_at = query.take_optional_time();
  m.target = query.take_text();
  m.url = query.take_text();
  return seq;
}

void add_attempt(Connection& connection, std::int64_t seq, const domain::WebhookAttempt& attempt) {
  Query(connection, kAddAttempt)
      .bind(seq, attempt.at, attempt.took.count(), std::int64_t{attempt.status}, attempt.error)
      .run();
}

void settle(Connection& connection, std::int64_t seq, MessageState state, std::optional<Time> due,
            std::optional<Time> settled_at) {
  Query(connection, kSettle).bind(seq, static_cast<std::int64_t>(state), due, settled_at).run();
}

std::vector<std::int64_t> places(Connection& connection, const char* sql, Time before, std::size_t limit) {
  Query query(connection, sql);
  query.bind(before, limit_number(limit));
  std::vector<std::int64_t> found;
  while (query.step()) found.push_back(query.take_int());
  return found;
}

}  // namespace

void insert_webhook(Connection& connection, const WebhookMessage& m) {
  Query insert(connection, kInsert);
  insert.bind(m.id, m.prediction_id, m.account, static_cast<std::int64_t>(m.state), std::int64_t{m.attempts}, m.since,
              m.due_at, m.settled_at, m.target, m.url, static_cast<std::int64_t>(m.body.size()));
  if (insert.run_unless_duplicate()) Query(connection, kInsertBody).bind(Blob{m.body}).run();
}

Result<std::vector<ports::DueWebhook>> due_webhooks(Connection& connection, const ports::DueWebhooksQuery& q) {
  const std::string busy = json_list(q.busy_targets);
  const std::string in_flight = json_list(q.in_flight);
  Query query(connection, kDue);
  query.bind(q.now, busy, in_flight, limit_number(q.limit));
  std::vector<ports::DueWebhook> found;
  while (query.step()) {
    auto& due = found.emplace_back();
    due.id = query.take_text();
    due.prediction_id = query.take_text();
    due.target = query.take_text();
    due.body_size = static_cast<std::size_t>(query.take_int());
  }
  return found;
}

Result<WebhookMessage> find_webhook(Connection& connection, std::string_view id) {
  Query query(connection, kFind);
  query.bind(id);
  if (!query.step()) return unknown(id);
  WebhookMessage message;
  take_message(query, message);
  message.body = query.take_blob();
  return message;
}

Result<void> record_webhook_attempt(Connection& connection, std::string_view id, const domain::WebhookAttempt& attempt,
                                    MessageState state, Time next) {
  std::int64_t seq = 0;
  MessageState before{};
  {
    Query place(connection, kPlace);
    place.bind(id);
    if (!place.step()) return unknown(id);
    seq = place.take_int();
    before = take_state(place);
  }
  add_attempt(connection, seq, attempt);
  Query(connection, kCount).bind(seq).run();
  if (before == MessageState::delivered) return {};
  if (state == MessageState::pending) {
    settle(connection, seq, state, next, std::nullopt);
    return {};
  }
  settle(connection, seq, state, std::nullopt, attempt.at + attempt.took);
  if (state == MessageState::delivered) Query(connection, kDropBody).bind(seq).run();
  return {};
}

Result<std::vector<ports::WebhookRecord>> list_webhooks(Connection& connection, const ports::WebhooksQuery& q) {
  std::vector<ports::WebhookRecord> found;
  std::vector<std::int64_t> seqs;
  {
    Query query(connection, q.undelivered_only ? kListUndelivered : q.account ? kListOfAccount : kList);
    if (q.undelivered_only || q.account) {
      query.bind(limit_number(q.limit), q.account);
    } else {
      query.bind(limit_number(q.limit));
    }
    while (query.step()) seqs.push_back(take_message(query, found.emplace_back().message));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    Query query(connection, kAttempts);
    query.bind(seqs[i]);
    while (query.step()) {
      auto& attempt = found[i].attempts.emplace_back();
      attempt.at = query.take_time();
      attempt.took = Duration(query.take_int());
      attempt.status = static_cast<int>(query.take_int());
      attempt.error = query.take_text();
    }
  }
  return found;
}

Result<void> resend_webhook(Connection& connection, std::string_view id, std::string_view body, Time now) {
  std::int64_t seq = 0;
  {
    Query place(connection, kPlace);
    place.bind(id);
    if (!place.step()) return unknown(id);
    seq = place.take_int();
  }
  Query(connection, kResend).bind(seq, now).run();
  Query(connection, kKeepBody).bind(seq, Blob{body}).run();
  Query(connection, kMeasureBody).bind(seq).run();
  return {};
}

Result<ports::WebhookSweep> sweep_webhooks(Connection& connection, Time expire_before, Time forget_before,
                                           std::size_t limit, Time now) {
  ports::WebhookSweep sweep;
  for (const auto seq : places(connection, kExpired, expire_before, limit)) {
    add_attempt(connection, seq, {now, {}, 0, std::string(ports::kWebhookExpired)});
    settle(connection, seq, MessageState::dead, std::nullopt, now);
    ++sweep.expired;
  }
  for (const auto seq : places(connection, kForgettable, forget_before, limit)) {
    for (const char* sql : {kForgetAttempts, kDropBody, kForget}) Query(connection, sql).bind(seq).run();
    ++sweep.forgotten;
  }
  Query pending(connection, kPending);
  pending.step();
  sweep.pending = static_cast<std::size_t>(pending.take_int());
  return sweep;
}

Result<domain::WebhookSecrets> webhook_secrets(Connection& connection, std::string_view account) {
  Query query(connection, kSecrets);
  query.bind(account);
  if (!query.step()) return fail(ErrorCode::not_found, "this account has no webhook secret yet");
  domain::WebhookSecrets secrets;
  secrets.current = Secret(query.take_blob());
  secrets.previous = Secret(query.take_blob());
  secrets.previous_until = query.take_optional_time();
  return secrets;
}

Result<domain::WebhookSecrets> make_webhook_secret(Connection& connection, std::string_view account,
                                                   const Secret& secret) {
  Query(connection, kMakeSecret).bind(account, Blob{secret.reveal()}).run();
  return webhook_secrets(connection, account);
}

Result<domain::WebhookSecrets> rotate_webhook_secret(Connection& connection, std::string_view account,
                                                     const Secret& secret, Time previous_until) {
  Query(connection, kRotateSecret).bind(account, Blob{secret.reveal()}, previous_until).run();
  return webhook_secrets(connection, account);
}

}  // namespace hekto::store

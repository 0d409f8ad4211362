// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "domain/value.h"

namespace hekto::app {

struct AdminReply {
  unsigned status = 0;
  domain::Value body;  ///< a problem object when status >= 400
};

/// Performs one administrative request on the data folder: through the running server's Unix socket
/// (<data>/hekto.sock), or, when none runs, by opening the store for the length of the call. Both answer alike.
/// Blocks. unavailable when neither is possible, with the reason.
///
///   POST /admin/v1/accounts            {"name"}                                         -> 201 account
///   GET  /admin/v1/accounts                                                             -> 200 {"accounts":[account]}
///   POST /admin/v1/keys                {"name","account"?,"test"?,"expires_seconds"?}   -> 201 key + {"key":"hk-…"}
///   GET  /admin/v1/keys                                                                 -> 200 {"keys":[key]}
///   POST /admin/v1/keys/{id}/revoke                                                     -> 200 key
///   GET  /admin/v1/webhooks?failed=true&account=NAME&limit=N                            -> 200 {"webhooks":[webhook]}
///   POST /admin/v1/webhooks/{id}/resend                                                 -> 202 {"id"}
///   POST /admin/v1/webhook-secrets/rotate {"account"?}          -> 200
///   {"account","key":"whsec_…","previous_until"|null}
///   GET  /admin/v1/upstreams                        -> 200 {"upstreams":[upstream],"waiting"}; 503 when no server runs
///   GET  /admin/v1/submissions?limit=N              -> 200 {"submissions":[submission]}: unknown, not settled
///   POST /admin/v1/submissions/{id}/settle          -> 200 {"prediction"}; {id} is the prediction's
///
/// upstream: {"name","url","accounts":[{"name","state","until"|null,"submitting","open","accepted","refused",
/// "turned_away","ambiguous","requests","creates_left","creates_per_minute","create_ms"}]}, as
/// ports::UpstreamAccountStats. submission: {"prediction","account","model","upstream","upstream_account","sent_at"},
/// newest first. account: {"id","name","created_at"}. key:
/// {"id","name","account","mode":"live"|"test","created_at","expires_at"|null, "revoked_at"|null}, account being the
/// account's name. Without "account" the account "default" is used, and made for a key when it does not exist. webhook:
/// {"id","prediction","account","state":"pending"|"delivered"|"dead","attempts","since","next_attempt_at"|null,
/// "settled_at"|null,"url","log":[{"at","took_ms","status"|null,"error"|null}]}, newest first; {id} is a webhook's or a
/// prediction's.
Result<AdminReply> admin_call(const std::filesystem::path& data, std::string_view method, std::string_view path,
                              const domain::Value& body);

}  // namespace hekto::app

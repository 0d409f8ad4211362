// SPDX-License-Identifier: Apache-2.0
#include "service/files.h"

#include "base/ids.h"
#include "base/text.h"
#include "domain/media_type.h"
#include "service/limits.h"

namespace hekto::service {
namespace {

constexpr std::string_view kUnknownType = "application/octet-stream";

std::unexpected<Error> unknown() { return fail(ErrorCode::not_found, "File not found"); }

}  // namespace

async::Task<Result<domain::File>> Files::create(std::string account, NewFile upload) {
  if (upload.bytes.size() > limits_.max_bytes) co_return fail(ErrorCode::too_large, "the file is too large");
  if (!store_.has_room()) co_return fail(ErrorCode::unavailable, std::string(kNoRoom));
  domain::File file;
  file.id = domain::new_file_id();
  file.account = std::move(account);
  file.name = domain::clean_file_name(upload.name);
  file.content_type = std::move(upload.content_type);
  if (!domain::is_media_type(file.content_type) || iequals(file.content_type, kUnknownType)) {
    file.content_type = domain::guess_media_type(file.name, upload.bytes);
  }
  file.size = upload.bytes.size();
  file.metadata = std::move(upload.metadata);
  // Bytes first, row after: a row never names a file that a power loss could take away.
  auto key = co_await files_.put(file.id, std::move(upload.bytes));
  if (!key) co_return std::unexpected(key.error());
  file.sha256 = std::move(key->sha256);
  file.created_at = clock_.now();
  file.expires_at = file.created_at + limits_.lifetime;
  const auto created = co_await store_.create_file(file);
  if (!created) co_return std::unexpected(created.error());
  co_return file;
}

async::Task<Result<domain::File>> Files::get_unchecked(std::string_view id) {
  if (!is_id(id)) co_return unknown();
  auto file = co_await store_.find_file(std::string(id));
  if (file && domain::is_expired(*file, clock_.now())) co_return unknown();
  if (!file && file.error().code == ErrorCode::not_found) co_return unknown();
  co_return file;
}

async::Task<Result<domain::File>> Files::get(std::string_view account, std::string_view id) {
  auto file = co_await get_unchecked(id);
  if (file && file->account != account) co_return unknown();
  co_return file;
}

async::Task<Result<ports::Page<domain::File>>> Files::list(ports::PageQuery query) {
  co_return co_await store_.list_files(std::move(query), clock_.now());
}

async::Task<Result<void>> Files::remove(std::string account, std::string id) {
  const auto file = co_await get(account, id);
  if (!file) co_return std::unexpected(file.error());
  auto removed = co_await store_.remove_file(std::move(account), std::move(id));
  if (!removed && removed.error().code == ErrorCode::not_found) co_return unknown();
  co_return removed;
}

}  // namespace hekto::service

// SPDX-License-Identifier: Apache-2.0
#include "service/live_files.h"

namespace hekto::service {

async::Task<Result<void>> LiveFile::begin() {
  incoming_.reset();
  auto incoming = co_await files_.receive(owner_);
  if (!incoming) co_return std::unexpected(incoming.error());
  incoming_ = std::move(*incoming);
  co_return Result<void>{};
}

void LiveFile::describe(std::string content_type, std::optional<std::uint64_t> length) {
  {
    std::scoped_lock lock(mutex_);
    if (state_.stage == Stage::gone) return;
    state_ = {Stage::coming, state_.attempt + 1, incoming_->content(), std::move(content_type), length};
  }
  ring();
}

Result<void> LiveFile::append(std::string_view bytes) {
  if (auto written = incoming_->append(bytes); !written) return written;
  ring();
  return {};
}

std::uint64_t LiveFile::size() const { return incoming_ ? incoming_->size() : 0; }

void LiveFile::broke() {
  {
    std::scoped_lock lock(mutex_);
    if (state_.stage != Stage::coming) return;
    state_ = {Stage::awaited, state_.attempt, nullptr, {}, std::nullopt};
  }
  ring();
}

async::Task<Result<ports::FileKey>> LiveFile::finish() {
  {
    std::scoped_lock lock(mutex_);
    if (state_.stage == Stage::coming) state_.stage = Stage::whole;
  }
  ring();
  co_return co_await incoming_->finish();
}

LiveFile::State LiveFile::state() const {
  std::scoped_lock lock(mutex_);
  return state_;
}

void LiveFile::give_up() {
  {
    std::scoped_lock lock(mutex_);
    if (state_.stage == Stage::whole || state_.stage == Stage::gone) return;
    state_ = {Stage::gone, state_.attempt, nullptr, {}, std::nullopt};
  }
  ring();
}

void LiveFile::ring() {
  std::scoped_lock lock(mutex_);
  for (const auto& bell : bells_) bell->ring();
}

LiveFile::Watch::Watch(std::shared_ptr<LiveFile> file, std::shared_ptr<async::Bell> bell)
    : file_(std::move(file)), bell_(std::move(bell)) {
  std::scoped_lock lock(file_->mutex_);
  file_->bells_.push_back(bell_);
}

LiveFile::Watch::~Watch() {
  std::scoped_lock lock(file_->mutex_);
  std::erase(file_->bells_, bell_);
}

void LiveFiles::show(const std::string& prediction_id, std::size_t index, Shown shown) {
  std::scoped_lock lock(mutex_);
  shown_.insert_or_assign({prediction_id, index}, std::move(shown));
}

void LiveFiles::remove(const std::string& prediction_id, std::size_t index) {
  std::scoped_lock lock(mutex_);
  shown_.erase({prediction_id, index});
}

std::optional<LiveFiles::Shown> LiveFiles::find(const std::string& prediction_id, std::size_t index) const {
  std::scoped_lock lock(mutex_);
  const auto found = shown_.find({prediction_id, index});
  if (found == shown_.end()) return std::nullopt;
  return found->second;
}

std::size_t LiveFiles::size() const {
  std::scoped_lock lock(mutex_);
  return shown_.size();
}

}  // namespace hekto::service

// SPDX-License-Identifier: Apache-2.0
#include "http/workspace.h"

#include <algorithm>
#include <cstring>

namespace hekto::http {

namespace {

constexpr std::size_t kKept = 64;            // workspaces a thread
constexpr std::size_t kKeptString = 16'384;  // bytes of a string that may stay allocated

void shrink(std::string& text) {
  if (text.capacity() > kKeptString) text = std::string();
}

}  // namespace

void InputBuffer::consume(std::size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

bool InputBuffer::make_room(std::size_t most) {
  constexpr std::size_t kWorthReading = 512;  // less space makes many small reads
  if (capacity_ - end_ >= kWorthReading) return true;
  if (begin_ > 0) {
    std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (capacity_ - end_ >= kWorthReading) return true;
  }
  const std::size_t larger = std::min(most, capacity_ * 4);
  if (larger <= capacity_) return end_ < capacity_;
  auto grown = std::make_unique_for_overwrite<char[]>(larger);
  std::memcpy(grown.get(), data_.get(), end_);
  data_ = std::move(grown);
  capacity_ = larger;
  return true;
}

void InputBuffer::assign(std::string_view bytes) {
  if (bytes.size() > capacity_) {
    data_ = std::make_unique_for_overwrite<char[]>(bytes.size());
    capacity_ = bytes.size();
  }
  std::memcpy(data_.get(), bytes.data(), bytes.size());
  begin_ = 0;
  end_ = bytes.size();
}

void InputBuffer::reset() {
  begin_ = end_ = 0;
  if (capacity_ == kUsual) return;
  data_ = std::make_unique_for_overwrite<char[]>(kUsual);
  capacity_ = kUsual;
}

void Workspace::clear_request() {
  scanner.reset();
  framing = Framing();
  request.method = Method::get;
  request.target = request.path = request.query = request.body = {};
  request.headers.clear();
  request.params = {};
  request.request_id.clear();
  body.clear();
}

void Workspace::reset() {
  clear_request();
  in.reset();
  carry.clear();
  out.clear();
  shrink(body);
  shrink(carry);
  shrink(out);
}

std::unique_ptr<Workspace> WorkspacePool::take() {
  if (free_.empty()) return std::make_unique<Workspace>();
  auto workspace = std::move(free_.back());
  free_.pop_back();
  return workspace;
}

void WorkspacePool::give_back(std::unique_ptr<Workspace> workspace) {
  if (free_.size() >= kKept) return;
  workspace->reset();
  free_.push_back(std::move(workspace));
}

}  // namespace hekto::http

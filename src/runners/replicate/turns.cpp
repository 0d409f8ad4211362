// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/turns.h"

#include <set>

namespace hekto::runners::replicate {

void Turns::add(WaiterPtr waiter) {
  auto found = keys_.find(waiter->key_id);
  if (found == keys_.end()) {
    turns_.push_back({waiter->key_id, {}, 0});
    found = keys_.emplace(waiter->key_id, std::prev(turns_.end())).first;
  }
  waiter->number = ++last_number_;
  ++lanes_[waiter->lane];
  ++found->second->size;
  ++size_;
  found->second->lines[waiter->lane].emplace(waiter->number, std::move(waiter));
}

/// A key without work is still in turns_, for its caller to remove or to move.
void Turns::erase(Keys::iterator key, std::map<std::size_t, Line>::iterator line, Line::iterator waiter) {
  if (const auto lane = lanes_.find(line->first); --lane->second == 0) lanes_.erase(lane);
  line->second.erase(waiter);
  if (line->second.empty()) key->lines.erase(line);
  --key->size;
  --size_;
}

void Turns::remove(const Waiter& waiter) {
  const auto key = keys_.find(waiter.key_id);
  if (key == keys_.end()) return;
  const auto line = key->second->lines.find(waiter.lane);
  if (line == key->second->lines.end()) return;
  const auto found = line->second.find(waiter.number);
  if (found == line->second.end()) return;
  erase(key->second, line, found);
  if (key->second->size == 0) {
    turns_.erase(key->second);
    keys_.erase(key);
  }
}

std::vector<Turns::Grant> Turns::give(const std::function<PlacePtr(std::size_t lane)>& take) {
  std::vector<Grant> given;
  std::set<std::size_t> spent;  // lanes for which there is nothing
  for (auto key = turns_.begin(); key != turns_.end() && spent.size() < lanes_.size();) {
    PlacePtr place;
    auto oldest = key->lines.end();
    do {
      oldest = key->lines.end();
      for (auto line = key->lines.begin(); line != key->lines.end(); ++line) {
        const bool older = oldest == key->lines.end() || line->second.begin()->first < oldest->second.begin()->first;
        if (older && !spent.contains(line->first)) oldest = line;
      }
      if (oldest != key->lines.end() && !(place = take(oldest->first))) spent.insert(oldest->first);
    } while (!place && oldest != key->lines.end());

    auto next = std::next(key);
    if (place) {
      const auto first = oldest->second.begin();
      given.push_back({first->second, std::move(place)});
      erase(key, oldest, first);
      if (key->size == 0) {
        keys_.erase(key->id);
        turns_.erase(key);
      } else {
        turns_.splice(turns_.end(), turns_, key);
        if (next == turns_.end()) next = key;
      }
    }
    // Those that were passed over stay in front: for all that they have there is nothing.
    key = next;
  }
  return given;
}

std::vector<std::pair<std::string, std::size_t>> Turns::by_key() const {
  std::vector<std::pair<std::string, std::size_t>> keys;
  for (const auto& key : turns_) keys.emplace_back(key.id, key.size);
  return keys;
}

}  // namespace hekto::runners::replicate

// A memory of bounded size: what was not asked for the longest is forgotten first.
#pragma once
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace anzan::sim {

template <class Value>
class Recent {
 public:
  explicit Recent(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // None where it was never there, or is forgotten.
  std::shared_ptr<Value> find(const std::string& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    items_.splice(items_.begin(), items_, found->second);
    return found->second->value;
  }

  // `bytes`: about; what is more than all may have is kept until the next one comes.
  std::shared_ptr<Value> put(const std::string& key, Value value, std::size_t bytes) {
    erase(key);
    items_.push_front({key, std::make_shared<Value>(std::move(value)), bytes});
    places_[key] = items_.begin();
    bytes_ += bytes;
    while (bytes_ > most_bytes_ && items_.size() > 1) erase(items_.back().key);
    return items_.front().value;
  }

  std::size_t size() const { return items_.size(); }

 private:
  struct Item {
    std::string key;
    std::shared_ptr<Value> value;
    std::size_t bytes;
  };

  void erase(const std::string key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    bytes_ -= found->second->bytes;
    items_.erase(found->second);
    places_.erase(found);
  }

  std::size_t most_bytes_, bytes_ = 0;
  std::list<Item> items_;  // the last one that was asked for first
  std::unordered_map<std::string, typename std::list<Item>::iterator> places_;
};

}  // namespace anzan::sim

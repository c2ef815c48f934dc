// Tables that many plans of a program have alike: tiles differ in where they are, not in how they are walked
// through. Kept once, they stay in the caches.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace anzan::models {

template <class T>
using SharedTable = std::shared_ptr<const std::vector<T>>;

// Of a program.
template <class T>
class TablePool {
 public:
  // The table becomes the one of the same content that came first.
  void share(SharedTable<T>& table) {
    static_assert(std::has_unique_object_representations_v<T>, "tables are compared by their bytes");
    const std::string_view bytes(reinterpret_cast<const char*>(table->data()), table->size() * sizeof(T));
    table = tables_.emplace(bytes, table).first->second;
  }

 private:
  std::unordered_map<std::string_view, SharedTable<T>> tables_;  // each by its own bytes
};

}  // namespace anzan::models

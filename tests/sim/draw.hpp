// Seeded draws for tests of random configurations: the same on every machine.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <random>

namespace anzan::sim::testing {

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}
  template <class Number>
  Number from(Number least, Number most) {
    return least + static_cast<Number>(random_() % static_cast<std::uint64_t>(most - least + 1));
  }
  bool chance(int percent) { return from(1, 100) <= percent; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[from<std::size_t>(0, values.size() - 1)];
  }

 private:
  std::mt19937 random_;
};

}  // namespace anzan::sim::testing

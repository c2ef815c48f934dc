// Sections, parts, bottoms, and again within each part, until nothing changes or it has cost enough.
#include "compiler/memory/parts.hpp"

#include <algorithm>
#include <utility>

namespace anzan::compiler {
namespace {

constexpr std::size_t kMostLooks = 64;  // at a buffer, on average

Part part_of(const std::vector<Buffer>& buffers, std::vector<int> members, std::int64_t base) {
  Part part;
  part.members = std::move(members);
  part.base = base;
  for (const int i : part.members) part.buffers.push_back(buffers[i]);
  part.sections = sections_of(part.buffers);
  return part;
}

// Gives offsets to who is alive in all sections of a part and takes them out of it; whether there were any.
bool take_bottom(Part& part, std::vector<std::int64_t>& offsets) {
  std::vector<int> rest;
  const int sections = static_cast<int>(part.sections.load.size());
  for (std::size_t k = 0; k < part.members.size(); ++k) {
    if (part.sections.first[k] > 0 || part.sections.last[k] < sections) {
      rest.push_back(part.members[k]);
      continue;
    }
    offsets[part.members[k]] = part.base;
    part.base += part.buffers[k].size;
  }
  std::swap(part.members, rest);
  return part.members.size() < rest.size();
}

}  // namespace

std::vector<Part> take_apart(const std::vector<Buffer>& buffers, std::vector<std::int64_t>& offsets) {
  std::vector<Part> done;
  std::vector<std::pair<std::vector<int>, std::int64_t>> open;  // members and base
  std::vector<int> all(buffers.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  open.emplace_back(std::move(all), 0);
  std::size_t looks = kMostLooks * buffers.size();
  while (!open.empty()) {
    const auto [members, base] = std::move(open.back());
    open.pop_back();
    const Part whole = part_of(buffers, members, base);
    for (const std::vector<int>& places : independent_parts(whole.sections)) {
      std::vector<int> some;
      for (const int k : places) some.push_back(members[k]);
      Part part = part_of(buffers, std::move(some), base);
      const std::size_t cost = std::min(looks, part.members.size());
      looks -= cost;
      if (cost > 0 && take_bottom(part, offsets)) {
        if (!part.members.empty()) open.emplace_back(std::move(part.members), part.base);
      } else {
        done.push_back(std::move(part));
      }
    }
  }
  return done;
}

}  // namespace anzan::compiler

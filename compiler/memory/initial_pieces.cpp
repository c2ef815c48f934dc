// Slot by slot: as many as fit make a piece; a slot that does not fit alone is cut between rows.
#include "compiler/memory/initial_pieces.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "compiler/graph/layout.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {
namespace {

// A stored tensor, and the parameter whose initial values it takes.
struct Taker {
  int stored;
  std::size_t parameter;
};

// Those of one slot stand together, in the order of the first of each.
std::vector<std::vector<Taker>> takers_by_slot(const Graph& g, const std::map<std::string, int>& numbers) {
  std::map<std::string, std::vector<int>> masters;  // by layer
  for (std::size_t t = 0; t < g.tensors.size(); ++t)
    if (g.tensors[t].kind == TensorClass::kMasterWeight && g.tensors[t].persistent)
      masters[g.tensors[t].layer].push_back(static_cast<int>(t));
  std::vector<std::vector<Taker>> all;
  std::map<int, std::size_t> of_slot;
  const auto add = [&](int stored, std::size_t parameter) {
    const auto [found, is_new] = of_slot.try_emplace(g.tensor(stored).slot, all.size());
    if (is_new) all.emplace_back();
    all[found->second].push_back({stored, parameter});
  };
  for (std::size_t p = 0; p < g.parameters.size(); ++p) {
    const int stored = numbers.at(g.parameters[p].name);
    add(stored, p);
    const std::string& layer = g.tensor(stored).layer;
    if (g.parameters[p].name == layer + ".weight")
      for (const int master : masters[layer]) add(master, p);
  }
  return all;
}

struct Part {
  std::size_t parameter;
  Range rows;  // none: all
};

class Pieces {
 public:
  Pieces(const Graph& g, std::int64_t first_line, std::int64_t lines)
      : g_(g), first_line_(first_line), room_(std::max(lines, kChannelAlignment)) {
    for (std::size_t t = 0; t < g.tensors.size(); ++t) numbers_[g.tensors[t].name] = static_cast<int>(t);
  }

  std::vector<InitialPiece> run() {
    for (const std::vector<Taker>& takers : takers_by_slot(g_, numbers_)) {
      std::vector<Part> parts;
      for (const Taker& t : takers) {
        const bool there = std::any_of(parts.begin(), parts.end(),
                                       [&](const Part& p) { return p.parameter == t.parameter; });
        if (!there) parts.push_back({t.parameter, {}});
      }
      if (missing(parts) > room_) {
        add_in_turn(takers, cut(parts));
      } else {
        if (piece_.end_line() - first_line_ + missing(parts) > room_) finish();
        add(takers, parts, true, true);
      }
    }
    finish();
    return std::move(pieces_);
  }

 private:
  const TensorInfo& initial(std::size_t parameter) const {
    return g_.tensor(numbers_.at(g_.parameters[parameter].initial));
  }

  std::int64_t rows_of(const Part& p) const {
    return p.rows.size() > 0 ? p.rows.size() : row_count(initial(p.parameter));
  }

  // Lines of those parts that the piece has not yet.
  std::int64_t missing(const std::vector<Part>& parts) const {
    std::int64_t lines = 0;
    for (const Part& p : parts)
      if (find(p) == piece_.rows.size()) lines += models::lines_of_rows(isa::Format::kFp32, rows_of(p));
    return lines;
  }

  std::size_t find(const Part& p) const {
    std::size_t i = 0;
    while (i < piece_.rows.size() &&
           (piece_.rows[i].parameter != p.parameter || piece_.rows[i].values.first_row != p.rows.begin ||
            piece_.rows[i].values.part_rows != p.rows.size()))
      ++i;
    return i;
  }

  // Groups of parts, of which each has room.
  std::vector<std::vector<Part>> cut(const std::vector<Part>& parts) const {
    const std::int64_t most = room_ / kChannelAlignment * kChannelAlignment;
    std::vector<std::vector<Part>> groups(1);
    std::int64_t left = most;
    for (const Part& whole : parts) {
      const std::int64_t rows = rows_of(whole);
      for (std::int64_t begin = 0; begin < rows;) {
        if (left == 0) {
          groups.emplace_back();
          left = most;
        }
        const std::int64_t end = std::min(rows, begin + left);
        groups.back().push_back({whole.parameter, {begin, end}});
        left -= round_up(end - begin, kChannelAlignment);
        begin = end;
      }
    }
    return groups;
  }

  // All are shown, the last one is stored at once, the others follow.
  void add_in_turn(const std::vector<Taker>& takers, const std::vector<std::vector<Part>>& groups) {
    for (const bool again : {false, true}) {
      for (std::size_t i = 0; i + again < groups.size(); ++i) {
        finish();
        add(takers, groups[i], !again, again || i + 1 == groups.size());
      }
    }
    finish();
  }

  void add(const std::vector<Taker>& takers, const std::vector<Part>& parts, bool shows, bool stores) {
    InitialStep step{{}, shows, stores};
    for (const Taker& t : takers)
      for (const Part& p : parts)
        if (p.parameter == t.parameter) step.uses.push_back({t.stored, number(p)});
    piece_.steps.push_back(std::move(step));
  }

  std::size_t number(const Part& p) {
    const std::size_t found = find(p);
    if (found < piece_.rows.size()) return found;
    TensorInfo values = initial(p.parameter);
    values.first_row = p.rows.begin;
    values.part_rows = p.rows.size();
    values.lines = models::lines_of_rows(values.format, rows_of(p));
    values.hbm_line = std::max(first_line_, piece_.end_line());
    piece_.rows.push_back({p.parameter, std::move(values)});
    return found;
  }

  void finish() {
    if (!piece_.steps.empty()) pieces_.push_back(std::exchange(piece_, {}));
  }

  const Graph& g_;
  std::int64_t first_line_, room_;
  std::map<std::string, int> numbers_;
  InitialPiece piece_;
  std::vector<InitialPiece> pieces_;
};

}  // namespace

std::vector<InitialPiece> initial_pieces(const Graph& graph, std::int64_t first_line, std::int64_t lines) {
  return Pieces(graph, first_line, lines).run();
}

}  // namespace anzan::compiler

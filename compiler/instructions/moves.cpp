// Copies of rows become copies of lines where source, destination and all walks are whole lines.
#include "compiler/instructions/moves.hpp"

#include <algorithm>

#include "compiler/instructions/narrow.hpp"
#include "compiler/instructions/nest.hpp"
#include "compiler/instructions/operands.hpp"
#include "models/number_format.hpp"

namespace anzan::compiler {

std::vector<isa::Copy> copying(isa::Format format, const Location& from, const Location& to,
                               const std::vector<Walk>& walks) {
  Nest nest;
  for (const Walk& w : walks) nest.loop(w.count, {w.src, w.dst});
  nest.merge();
  const std::int64_t per_line = models::elements_per_word(format);
  std::vector<Nest::Level>& levels = nest.loops();
  const auto whole = [per_line](std::int64_t rows) { return rows % per_line == 0; };
  bool lines = per_line > 1 && !levels.empty() && levels.back().stride.a == 1 &&
               levels.back().stride.b == 1 && whole(levels.back().count) && whole(from.first) &&
               whole(to.first);
  for (std::size_t i = 0; lines && i + 1 < levels.size(); ++i)
    lines = whole(levels[i].stride.a) && whole(levels[i].stride.b);
  isa::Copy c;
  c.element = lines ? models::kRawWords : format;
  const std::int64_t unit = lines ? per_line : 1;
  if (lines) {
    for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
      levels[i].stride.a /= per_line;
      levels[i].stride.b /= per_line;
    }
    levels.back().count /= per_line;
  }
  c.src_space = from.space;
  c.dst_space = to.space;
  c.src = at(from.first / unit);
  c.dst = at(to.first / unit);
  return nest.finish(c);
}

isa::Copy copying_lines(const Location& from, const Location& to, std::int64_t lines) {
  isa::Copy c;
  c.element = models::kRawWords;
  c.src_space = from.space;
  c.dst_space = to.space;
  c.src = at(from.first);
  c.dst = at(to.first);
  c.loops.back() = narrow<std::uint16_t>(lines, "lines of a copy");
  c.src.stride.back() = c.dst.stride.back() = 1;
  return c;
}

isa::Copy copying_levels(const Location& from, const Location& to, const std::vector<CopyLevel>& levels) {
  isa::Copy c = copying_lines(from, to, 1);
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const std::size_t loop = isa::kLoops - levels.size() + l;
    c.loops[loop] = narrow<std::uint16_t>(levels[l].count, "iterations of a loop");
    c.src.stride[loop] = narrow<std::int32_t>(levels[l].src, "a stride of a loop");
    c.dst.stride[loop] = narrow<std::int32_t>(levels[l].dst, "a stride of a loop");
  }
  return c;
}

isa::Put putting_lines(int core, std::int64_t src, std::int64_t dst, std::int64_t lines,
                       std::uint32_t signal) {
  isa::Put p;
  p.element = models::kRawWords;
  p.core = narrow<std::uint16_t>(core, "the number of a core");
  p.remote_signal = signal;
  p.src = at(src);
  p.dst = at(dst);
  p.loops.back() = narrow<std::uint16_t>(lines, "lines of a put");
  p.src.stride.back() = p.dst.stride.back() = 1;
  return p;
}

}  // namespace anzan::compiler

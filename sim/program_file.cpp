// A title line, then heading and words of each program.
#include "sim/program_file.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

#include "compiler/input/input_error.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/host/input_file.hpp"
#include "sim/host/sha256.hpp"

namespace anzan::sim {
namespace {

constexpr std::string_view kTitle = "anzan programs 3";
constexpr std::size_t kDigest = 64;  // hexadecimal digits
constexpr std::size_t kMostBytes = std::size_t{1} << 32;

}  // namespace

NamedPrograms programs_of(const compiler::CompiledModel& model) {
  NamedPrograms programs;
  for (const compiler::ProgramKind kind : compiler::kProgramKinds)
    programs.emplace_back(compiler::name(kind), model.programs[kind]);
  return programs;
}

void write_programs(const std::filesystem::path& file, const NamedPrograms& programs) {
  std::string content = std::string(kTitle) + "\n";
  for (const auto& [name, words] : programs) {
    content += name + " " + std::to_string(words.size()) + "\n";
    for (const std::uint32_t word : words) {
      for (int shift = 0; shift < 32; shift += 8) content += static_cast<char>((word >> shift) & 0xffU);
    }
  }
  content += Sha256::of(content.data(), content.size());
  write_file_atomically(file, content);
}

NamedPrograms read_programs(const std::filesystem::path& file) {
  constexpr const char* kExpected = "a file that `anzan compile --out` wrote";
  const std::string content = read_whole(file, kExpected, kMostBytes);
  const std::size_t title = content.find('\n');
  if (content.substr(0, std::min(title, kTitle.size())) != kTitle || title != kTitle.size())
    throw compiler::InputError(file.string(), "no programs", kExpected);
  const auto damaged = [&](const std::string& found) {
    return compiler::InputError(file.string(), found, "a whole file, as `anzan compile --out` wrote it");
  };
  const std::size_t start = title + 1, end = content.size() - std::min(content.size() - start, kDigest);
  if (Sha256::of(content.data(), end) != content.substr(end))
    throw damaged("programs that are cut short or damaged");
  std::istringstream stream(content.substr(start, end - start));
  NamedPrograms programs;
  std::string line;
  while (std::getline(stream, line)) {
    std::istringstream heading(line);
    std::string name;
    std::uint64_t count = 0;
    const bool read = static_cast<bool>(heading >> name >> count) && count < (std::uint64_t{1} << 40) &&
                      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
    std::vector<std::uint32_t> words;
    unsigned char bytes[4] = {};
    while (read && words.size() < count && stream.read(reinterpret_cast<char*>(bytes), sizeof bytes)) {
      words.push_back(static_cast<std::uint32_t>(bytes[0] | (bytes[1] << 8) | (bytes[2] << 16)) |
                      (std::uint32_t{bytes[3]} << 24));
    }
    if (!read || words.size() < count)
      throw damaged("program " + std::to_string(programs.size()) + " that is not whole");
    programs.emplace_back(std::move(name), std::move(words));
  }
  return programs;
}

}  // namespace anzan::sim

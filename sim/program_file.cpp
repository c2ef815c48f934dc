// A title line, then heading and words of each program.
#include "sim/program_file.hpp"

#include <fstream>
#include <iterator>
#include <sstream>

#include "compiler/input/input_error.hpp"
#include "sim/host/atomic_file.hpp"

namespace anzan::sim {
namespace {

constexpr const char* kTitle = "anzan programs 1";

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
  write_file_atomically(file, content);
}

NamedPrograms read_programs(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string line;
  if (!stream || !std::getline(stream, line) || line != kTitle) {
    throw compiler::InputError(file.string(), stream ? "no programs" : "no such file",
                               "a file that `anzan compile --out` wrote");
  }
  NamedPrograms programs;
  while (std::getline(stream, line)) {
    std::istringstream heading(line);
    std::string name;
    std::uint64_t count = 0;
    const bool read = static_cast<bool>(heading >> name >> count) && count < (std::uint64_t{1} << 40);
    std::vector<std::uint32_t> words;
    unsigned char bytes[4] = {};
    while (read && words.size() < count && stream.read(reinterpret_cast<char*>(bytes), sizeof bytes)) {
      words.push_back(static_cast<std::uint32_t>(bytes[0] | (bytes[1] << 8) | (bytes[2] << 16)) |
                      (std::uint32_t{bytes[3]} << 24));
    }
    if (!read || words.size() < count) {
      throw compiler::InputError(file.string(),
                                 "program " + std::to_string(programs.size()) + " cut short or damaged",
                                 "a whole program");
    }
    programs.emplace_back(std::move(name), std::move(words));
  }
  return programs;
}

}  // namespace anzan::sim

// The two formats of .npz are simple enough to be written here: PKWARE's APPNOTE, method 0, and NumPy's
// NEP 1.
#include "sim/training/weights_file.hpp"

#include <zlib.h>

#include <cstring>
#include <stdexcept>

#include "compiler/onnx/export.hpp"
#include "compiler/onnx/file.hpp"
#include "models/number_format.hpp"
#include "sim/host/atomic_file.hpp"
#include "sim/training/tensor_memory.hpp"

namespace anzan::sim {
namespace {

void put(std::string& text, std::uint64_t value, int bytes) {
  for (int k = 0; k < bytes; ++k, value >>= 8) text += static_cast<char>(value & 0xffU);
}

class ZipWriter {
 public:
  void add(const std::string& name, const std::string& content) {
    const std::string fields = fields_of(name, content);
    const std::uint64_t offset = text_.size();
    put(text_, 0x04034b50, 4);
    text_ += fields + name + content;
    put(directory_, 0x02014b50, 4);
    put(directory_, kVersion, 2);
    directory_ += fields;
    put(directory_, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
    put(directory_, offset, 4);
    directory_ += name;
    ++files_;
    if (text_.size() + directory_.size() > 0xffffffffU || files_ > 0xffff)
      throw std::length_error("weights of more than 4 GiB or 65,535 arrays do not fit into a .npz file");
  }

  std::string take() {
    const std::uint64_t start = text_.size();
    text_ += directory_;
    put(text_, 0x06054b50, 4);
    put(text_, 0, 4);
    put(text_, files_, 2);
    put(text_, files_, 2);
    put(text_, directory_.size(), 4);
    put(text_, start, 4);
    put(text_, 0, 2);
    return std::move(text_);
  }

 private:
  static constexpr std::uint64_t kVersion = 20;

  // What the header of a file and its entry in the directory have in common.
  static std::string fields_of(const std::string& name, const std::string& content) {
    std::string fields;
    put(fields, kVersion, 2);
    put(fields, 0, 2 + 2);   // flags, method: stored
    put(fields, 0, 2);       // time
    put(fields, 0x0021, 2);  // date: the first of 1980, so that equal weights are equal files
    put(fields, crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()), 4);
    put(fields, content.size(), 4);
    put(fields, content.size(), 4);
    put(fields, name.size(), 2);
    put(fields, 0, 2);  // extra field
    return fields;
  }

  std::string text_, directory_;
  std::uint64_t files_ = 0;
};

std::string npy(const char* type, const std::string& shape, const std::string& data) {
  std::string header =
      std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr std::size_t kFixed = 10, kAligned = 64;
  while ((kFixed + header.size() + 1) % kAligned != 0) header += ' ';
  header += '\n';
  std::string text("\x93NUMPY\x01\0", 8);
  put(text, header.size(), 2);
  return text + header + data;
}

void add_tensor(ZipWriter& zip, models::Core& core, const compiler::TensorInfo& tensor) {
  const TensorMemory memory(core, tensor);
  std::string shape, values, stored;
  const bool vector = tensor.layout == compiler::TensorInfo::Layout::kVector;
  for (std::size_t d = 0; d < (vector ? 1 : tensor.shape.size()); ++d)
    shape += std::to_string(tensor.shape[d]) + ", ";
  const bool integer = models::is_integer(tensor.format);
  const int bytes = models::element_bytes(tensor.format);
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    put(values, models::bits_of_float(memory.value(i)), 4);
    if (integer) put(stored, static_cast<std::uint32_t>(memory.get(i)), bytes);
  }
  zip.add(tensor.name + ".npy", npy("<f4", shape, values));
  if (!integer) return;
  zip.add(tensor.name + ".stored.npy", npy(bytes == 1 ? "|i1" : "<i2", shape, stored));
  std::string point;
  put(point, static_cast<std::uint32_t>(core.settings.slot(tensor.slot).q_read), 4);
  zip.add(tensor.name + ".point.npy", npy("<i4", "", point));
}

}  // namespace

compiler::ParameterValues parameter_values(Trainer& trainer) {
  trainer.collect();
  compiler::ParameterValues values;
  for (const compiler::ParameterInfo& parameter : trainer.model().parameters) {
    const TensorMemory memory(trainer.core(), trainer.model().tensor(parameter.name));
    std::vector<float>& numbers = values[parameter.name];
    numbers.resize(static_cast<std::size_t>(trainer.model().tensor(parameter.name).size()));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = memory.value(static_cast<std::int64_t>(i));
  }
  return values;
}

void export_onnx(const std::filesystem::path& file, const compiler::Network& network, Trainer& trainer) {
  write_file_atomically(
      file, compiler::onnx::model_bytes(compiler::onnx::export_model(network, parameter_values(trainer))));
}

void write_weights(const std::filesystem::path& file, Trainer& trainer) {
  trainer.collect();
  ZipWriter zip;
  for (const compiler::ParameterInfo& parameter : trainer.model().parameters)
    add_tensor(zip, trainer.core(), trainer.model().tensor(parameter.name));
  write_file_atomically(file, zip.take());
}

}  // namespace anzan::sim

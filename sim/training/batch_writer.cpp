// Images are scattered by tables of rows and lanes, samples by tables of their 256 encodings.
#include "sim/training/batch_writer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "models/number_format.hpp"
#include "models/quantiser.hpp"

namespace anzan::sim {

int binary_point_of(const std::vector<float>& values, int width, int q_min, int q_max) {
  const double limit = std::ldexp(1.0, width - 1);
  for (int q = q_max; q > q_min; --q) {
    const bool fit = std::all_of(values.begin(), values.end(), [&](float v) {
      return std::abs(std::nearbyint(std::ldexp(static_cast<double>(v), q))) <= limit;
    });
    if (fit) return q;
  }
  return q_min;
}

namespace {

constexpr std::size_t kSampleValues = 256;

// What each raw sample enters the network as: a table for each channel, or one where they are alike.
std::vector<float> values_of_samples(const compiler::Network& network) {
  const bool alike = network.mean.empty() && network.deviation.empty();
  const auto channels = alike ? 1 : static_cast<std::size_t>(network.input.channels);
  std::vector<float> values;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = network.mean.empty() ? 0 : network.mean[c],
                 deviation = network.deviation.empty() ? 1 : network.deviation[c];
    for (std::size_t x = 0; x < kSampleValues; ++x) {
      const double scaled = static_cast<double>(x) * network.scale + network.offset;
      values.push_back(static_cast<float>((scaled - mean) / deviation));
    }
  }
  return values;
}

}  // namespace

BatchWriter::BatchWriter(models::Core& core, const compiler::TensorInfo* data,
                         const compiler::TensorInfo* label, const compiler::Network& network)
    : core_(core), data_(prepare(data)), label_(prepare(label)) {
  if (label != nullptr) one_ = encode(label_, 1);
  if (data == nullptr) return;
  const std::vector<float> values = values_of_samples(network);
  const models::SlotSettings& slot = core_.settings.slot(data_.tensor->slot);
  data_point_ = binary_point_of(values, slot.width, slot.q_min, slot.q_max);
  set_binary_point();
  for (const float value : values) samples_.push_back(encode(data_, value));
  const bool alike = values.size() == kSampleValues;
  pixels_ =
      static_cast<std::size_t>(alike ? network.input.size() : network.input.size() / network.input.channels);
}

BatchWriter::Input BatchWriter::prepare(const compiler::TensorInfo* of) {
  Input input;
  if (of == nullptr) return input;
  const compiler::TensorInfo& tensor = *of;
  input.tensor = of;
  const std::int64_t images = tensor.shape[0], elements = tensor.size() / images;
  const std::int64_t first_row = tensor.place(0).row;
  for (std::int64_t n = 0; n < images; ++n) {
    input.image_row.push_back(tensor.place(n * elements).row);
    input.image_lane.push_back(tensor.place(n * elements).lane);
  }
  for (std::int64_t e = 0; e < elements; ++e) input.element_row.push_back(tensor.place(e).row - first_row);
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const auto n = static_cast<std::size_t>(i / elements), e = static_cast<std::size_t>(i % elements);
    const compiler::TensorInfo::Place place = tensor.place(i);
    if (place.row != input.image_row[n] + input.element_row[e] || place.lane != input.image_lane[n]) {
      throw std::logic_error("tensor " + tensor.name + ": an image is not laid out like the first");
    }
  }
  return input;
}

void BatchWriter::set_binary_point() {
  if (data_.tensor == nullptr || !models::is_integer(data_.tensor->format)) return;
  models::SlotSettings& slot = core_.settings.slot(data_.tensor->slot);
  slot.q_read = slot.q_write = static_cast<std::int8_t>(data_point_);
}

std::uint32_t BatchWriter::encode(const Input& input, float value) const {
  if (!models::is_integer(input.tensor->format)) return models::bits_of_float(value);
  const models::SlotSettings& slot = core_.settings.slot(input.tensor->slot);
  return static_cast<std::uint32_t>(
      models::quantise(value, slot.width, slot.q_read, isa::Rounding::kNearestEven, 0).n);
}

std::uint8_t* BatchWriter::row(const Input& input, std::int64_t number) {
  const models::RowPlace place = models::row_place(input.tensor->format, number);
  return core_.hbm() + (input.tensor->hbm_line + place.line) * core_.line_bytes() +
         place.sub * models::element_bytes(input.tensor->format);
}

void BatchWriter::write_element(const Input& input, std::size_t image, std::size_t element,
                                std::uint32_t bits) {
  std::memcpy(row(input, input.image_row[image] + input.element_row[element]) + 4 * input.image_lane[image],
              &bits, static_cast<std::size_t>(models::element_bytes(input.tensor->format)));
}

// Images that share their rows are written together, a row at a time; they are few enough that their
// samples stay in the cache.
template <class Element>
void BatchWriter::write_images(const std::vector<const std::uint8_t*>& samples) {
  const std::vector<std::int64_t>& rows = data_.image_row;
  for (std::size_t first = 0, last = 0; first < samples.size(); first = last) {
    while (last < samples.size() && rows[last] == rows[first]) ++last;
    const std::uint32_t* encoded = samples_.data();
    for (std::size_t e = 0, end = pixels_; e < data_.element_row.size(); end += pixels_) {
      for (; e < end; ++e) {
        std::uint8_t* lanes = row(data_, rows[first] + data_.element_row[e]);
        for (std::size_t n = first; n < last; ++n) {
          const auto element = static_cast<Element>(encoded[samples[n][e]]);
          std::memcpy(lanes + 4 * data_.image_lane[n], &element, sizeof element);
        }
      }
      encoded += kSampleValues;
    }
  }
}

void BatchWriter::write_data(const ImageSet& set, const std::vector<std::int64_t>& images) {
  std::vector<const std::uint8_t*> samples;
  for (const std::int64_t image : images) samples.push_back(set.image(image));
  switch (models::element_bytes(data_.tensor->format)) {
    case 1:
      write_images<std::uint8_t>(samples);
      break;
    case 2:
      write_images<std::uint16_t>(samples);
      break;
    default:
      write_images<std::uint32_t>(samples);
  }
  for (std::size_t n = images.size(); n < data_.image_row.size(); ++n) {
    for (std::size_t e = 0; e < data_.element_row.size(); ++e) write_element(data_, n, e, 0);
  }
}

void BatchWriter::write(const ImageSet& set, const std::vector<std::int64_t>& images) {
  if (data_.tensor != nullptr) write_data(set, images);
  if (label_.tensor != nullptr) write_labels(set, images);
}

// Ones among zeros.
void BatchWriter::write_labels(const ImageSet& set, const std::vector<std::int64_t>& images) {
  const compiler::TensorInfo& tensor = *label_.tensor;
  std::memset(core_.hbm() + tensor.hbm_line * core_.line_bytes(), 0,
              static_cast<std::size_t>(tensor.lines * core_.line_bytes()));
  const std::int64_t pixels = set.labels_an_image;
  for (std::size_t n = 0; n < images.size(); ++n) {
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      const int label = set.label(images[n], pixel);
      if (label >= 0) write_element(label_, n, static_cast<std::size_t>(label * pixels + pixel), one_);
    }
  }
}

}  // namespace anzan::sim

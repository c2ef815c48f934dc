// One lane of the quantiser without registers: an accumulator at binary point `point` or a binary32 value to
// the integer n of `width` bits at binary point q, and what the statistics count of it: zero and bin of the
// value before it is narrowed, saturation, underflow.
module quantiser #(
  parameter integer SlotPointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 1,
  parameter integer PointBits     = SlotPointBits + 1,  // of two slots
  parameter integer WidthBits     = $clog2(isa_pkg::WidthMax + 1),
  parameter integer BinBits       = $clog2(isa_pkg::HistogramBins)
) (
  input  logic                                       is_fp32_i,
  input  logic        [isa_pkg::AccumulatorBits-1:0] value_i,  // binary32 in the low 32 bits
  input  logic signed [PointBits-1:0]                point_i,  // of the accumulator
  input  logic        [WidthBits-1:0]                width_i,
  input  logic signed [SlotPointBits-1:0]            q_i,
  input  logic        [isa_pkg::RoundingBits-1:0]    rounding_i,
  input  logic        [isa_pkg::RandomBits-1:0]      random_i,  // the upper bits of the random word
  output logic signed [isa_pkg::WidthMax-1:0]        n_o,
  output logic                                       zero_o,
  output logic        [BinBits-1:0]                  bin_o,
  output logic                                       saturated_high_o,
  output logic                                       saturated_low_o,
  output logic                                       underflow_o
);
  logic                                       negative, huge, sticky;
  logic        [isa_pkg::AccumulatorBits-1:0] magnitude;
  logic signed [fp32_pkg::PointBits-1:0]      point;
  logic        [isa_pkg::WidthMax-1:0]        whole;
  logic        [isa_pkg::RandomBits-1:0]      fraction;

  value_parts u_parts (
    .is_fp32_i   (is_fp32_i),
    .value_i     (value_i),
    .point_i     (point_i),
    .negative_o  (negative),
    .magnitude_o (magnitude),
    .point_o     (point)
  );
  position u_position (
    .negative_i  (negative),
    .magnitude_i (magnitude),
    .point_i     (point),
    .zero_o      (zero_o),
    .bin_o       (bin_o)
  );
  quantiser_shift u_shift (
    .magnitude_i (magnitude),
    .point_i     (point),
    .q_i         (q_i),
    .huge_o      (huge),
    .whole_o     (whole),
    .fraction_o  (fraction),
    .sticky_o    (sticky)
  );
  quantiser_round u_round (
    .negative_i       (negative),
    .zero_i           (zero_o),
    .huge_i           (huge),
    .whole_i          (whole),
    .fraction_i       (fraction),
    .sticky_i         (sticky),
    .width_i          (width_i),
    .rounding_i       (rounding_i),
    .random_i         (random_i),
    .n_o              (n_o),
    .saturated_high_o (saturated_high_o),
    .saturated_low_o  (saturated_low_o),
    .underflow_o      (underflow_o)
  );
endmodule

// One lane of the write-back path: a value and the index of its element to the element as it stands in a word
// (a narrow one in every place of it), and what the statistics count. Enabled cycle by cycle: (1) relu_enable,
// (2) shift_enable; (3) the outputs. All without an enable must stay while a row is under way.
module write_back_lane #(
  parameter integer SlotPointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 1,
  parameter integer PointBits     = SlotPointBits + 1,  // of two slots
  parameter integer WidthBits     = $clog2(isa_pkg::WidthMax + 1),
  parameter integer BinBits       = $clog2(isa_pkg::HistogramBins)
) (
  input  logic                                       clk_i,
  input  logic                                       relu_enable_i,
  input  logic                                       shift_enable_i,
  input  logic        [isa_pkg::AccumulatorBits-1:0] value_i,  // binary32 in the low 32 bits
  input  logic        [31:0]                         index_i,
  input  logic                                       is_fp32_i,
  input  logic signed [PointBits-1:0]                point_i,  // of the accumulator
  input  logic                                       relu_i,
  input  logic        [isa_pkg::FormatBits-1:0]      out_format_i,
  input  logic        [WidthBits-1:0]                width_i,
  input  logic signed [SlotPointBits-1:0]            q_i,
  input  logic        [isa_pkg::RoundingBits-1:0]    rounding_i,
  input  logic        [31:0]                         key_i,
  output logic        [isa_pkg::WordBits-1:0]        word_o,
  output logic                                       zero_o,
  output logic        [BinBits-1:0]                  bin_o,
  output logic                                       saturated_high_o,
  output logic                                       saturated_low_o,
  output logic                                       underflow_o
);
  localparam integer Bits = isa_pkg::AccumulatorBits;

  // Stage 1: ReLU.
  logic [Bits-1:0] rectified, value_q;
  logic [31:0]     index_q;
  relu u_relu (.enable_i(relu_i), .is_fp32_i(is_fp32_i), .value_i(value_i), .value_o(rectified));
  always_ff @(posedge clk_i) begin
    if (relu_enable_i) begin
      value_q <= rectified;
      index_q <= index_i;
    end
  end

  // Stage 2: position, shift, random word, binary32, of operands that are zero in cycles without a row.
  logic [Bits-1:0]                       value;
  assign value = shift_enable_i ? value_q : '0;
  logic                                  negative, huge, sticky, zero;
  logic [Bits-1:0]                       magnitude;
  logic signed [fp32_pkg::PointBits-1:0] point;
  logic [BinBits-1:0]                    bin;
  logic [isa_pkg::WidthMax-1:0]          whole;
  logic [isa_pkg::RandomBits-1:0]        fraction;
  logic [31:0]                           random, converted;
  value_parts u_parts (
    .is_fp32_i   (is_fp32_i),
    .value_i     (value),
    .point_i     (point_i),
    .negative_o  (negative),
    .magnitude_o (magnitude),
    .point_o     (point)
  );
  position u_position (
    .negative_i  (negative),
    .magnitude_i (magnitude),
    .point_i     (point),
    .zero_o      (zero),
    .bin_o       (bin)
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
  random_word u_random (.key_i(key_i), .index_i(index_q), .word_o(random));
  int_to_fp32 u_convert (.value_i(value), .point_i(point_i), .result_o(converted));

  logic                           negative_q, huge_q, sticky_q;
  logic [isa_pkg::WidthMax-1:0]   whole_q;
  logic [isa_pkg::RandomBits-1:0] fraction_q, random_q;
  logic [31:0]                    fp32_q;
  always_ff @(posedge clk_i) begin
    if (shift_enable_i) begin
      {negative_q, huge_q, sticky_q} <= {negative, huge, sticky};
      {zero_o, bin_o}                <= {zero, bin};
      whole_q                        <= whole;
      fraction_q                     <= fraction;
      random_q                       <= random[31 -: isa_pkg::RandomBits];
      fp32_q                         <= is_fp32_i ? value[31:0] : converted;
    end
  end

  // Stage 3: rounding and saturation.
  logic signed [isa_pkg::WidthMax-1:0] n;
  logic                                over_high, over_low, under, narrows;
  quantiser_round u_round (
    .negative_i       (negative_q),
    .zero_i           (zero_o),
    .huge_i           (huge_q),
    .whole_i          (whole_q),
    .fraction_i       (fraction_q),
    .sticky_i         (sticky_q),
    .width_i          (width_i),
    .rounding_i       (rounding_i),
    .random_i         (random_q),
    .n_o              (n),
    .saturated_high_o (over_high),
    .saturated_low_o  (over_low),
    .underflow_o      (under)
  );
  assign narrows = out_format_i != isa_pkg::FormatFp32;
  assign {saturated_high_o, saturated_low_o, underflow_o} = {over_high, over_low, under} & {3{narrows}};
  always_comb begin
    case (out_format_i)
      isa_pkg::FormatInt8:  word_o = {4{n[7:0]}};
      isa_pkg::FormatInt16: word_o = {2{n}};
      default:              word_o = fp32_q;
    endcase
  end

  logic unused_bits;
  assign unused_bits = ^random[31-isa_pkg::RandomBits:0];
endmodule

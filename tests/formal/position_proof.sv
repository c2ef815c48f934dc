// Proof, at full width: value_parts and position find zero and the histogram bin that models/README.md defines,
// for every accumulator at every binary point of two slots and for every binary32. The specification looks at
// the digits as stored, two's complement or exponent and fraction, not at a magnitude as the blocks do.
// Broken: 1 minus zero is no zero, 2 negative powers of two count as positive ones, 3 no last bin.
module position_proof #(
  parameter integer Broken = 0
) (
  input logic                                         is_fp32_i,
  input logic        [isa_pkg::AccumulatorBits-1:0]   value_i,
  input logic signed [$clog2(isa_pkg::BinaryPointMax + 1) + 1:0] point_i
);
  localparam integer Bits = isa_pkg::AccumulatorBits;

  logic                                  negative, zero;
  logic [Bits-1:0]                       magnitude;
  logic signed [fp32_pkg::PointBits-1:0] point;
  logic [$clog2(isa_pkg::HistogramBins)-1:0] bin;
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
    .zero_o      (zero),
    .bin_o       (bin)
  );

  logic                        is_zero;
  logic signed [15:0]          place;  // of an accumulator: the highest digit that is not the sign's
  logic signed [15:0]          expected;
  logic        [fp32_pkg::FractionBits-1:0] fraction;
  logic        [7:0]           exponent;
  always_comb begin
    fraction = value_i[22:0];
    exponent = value_i[30:23];
    place    = -16'sd1;
    for (int i = 0; i < Bits - 1; i = i + 1) if (value_i[i] != value_i[Bits-1]) place = 16'(i);
    if (Broken == 2 && !is_fp32_i && value_i == -(Bits'(1) << 20)) place = 16'sd20;
    expected = place - 16'(point_i);
    is_zero  = value_i == '0;
    if (is_fp32_i) begin
      // All subnormals are far below the first bin: any position below it will do for them.
      expected = $signed({8'd0, exponent}) - 16'sd127;
      if (value_i[31] && fraction == '0) expected = expected - 16'sd1;
      is_zero = exponent == '0 && fraction == '0 && (Broken != 1 || !value_i[31]);
    end
    expected = expected - 16'(isa_pkg::HistogramOrigin);
    if (expected < 0) expected = '0;
    if (expected > isa_pkg::HistogramBins - 1 && Broken != 3) expected = 16'(isa_pkg::HistogramBins - 1);

    assert (zero == is_zero);
    if (!is_zero) assert ($signed({10'd0, bin}) == expected);
  end
endmodule

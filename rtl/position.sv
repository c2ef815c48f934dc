// The histogram bin of a value taken apart by value_parts: that of its position p, which is floor(log2 |v|),
// less one where v is negative and |v| a power of two. Zero has no bin.
module position #(
  parameter integer BinBits = $clog2(isa_pkg::HistogramBins)
) (
  input  logic                                       negative_i,
  input  logic        [isa_pkg::AccumulatorBits-1:0] magnitude_i,
  input  logic signed [fp32_pkg::PointBits-1:0]      point_i,
  output logic                                       zero_o,
  output logic        [BinBits-1:0]                  bin_o
);
  localparam integer Bits       = isa_pkg::AccumulatorBits;
  localparam integer AmountBits = $clog2(Bits + 1);
  localparam integer E          = fp32_pkg::PointBits + 2;
  localparam logic signed [E-1:0] Last = E'(isa_pkg::HistogramBins - 1);

  // One less than the magnitude of a negative value has its first one where p says; a one below the last
  // place makes nothing at all count as place -1.
  logic [Bits-1:0]       place;
  logic [Bits:0]         unused_normal;
  logic [AmountBits-1:0] zeros;
  assign place = magnitude_i - Bits'(negative_i);
  normalise #(.Width(Bits + 1)) u_normalise (
    .value_i  ({place, 1'b1}),
    .limit_i  ({AmountBits{1'b1}}),
    .value_o  (unused_normal),
    .amount_o (zeros)
  );

  logic signed [E-1:0] bin;
  assign bin = E'(Bits - 1 - isa_pkg::HistogramOrigin) - E'(zeros) - E'(point_i);
  assign zero_o = magnitude_i == '0;
  always_comb begin
    bin_o = bin[BinBits-1:0];
    if (bin < 0) bin_o = '0;
    if (bin > Last) bin_o = Last[BinBits-1:0];
  end
endmodule

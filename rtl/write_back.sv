// The write-back path, of the tensor and of the vector unit: a row of `Lanes` values a cycle through ReLU,
// analysis, quantiser and packer, always three cycles from valid_i to its write:
//   (1) valid_i with row, index and values: ReLU; (2) analysis, shift, random word; (3) o_we_o, counted_o.
// Values are accumulators at binary point point_i, or binary32 in the low 32 bits of each with is_fp32_i;
// binary32 to FP32 output keeps its bits. row_i is a row address of out_format_i; index_i is that of lane 0.
// last_i marks a row, last_o is in the cycle of its write. What stands under "settings" must stay from a
// row's valid_i to its write. Lanes outside [lane_first, lane_first + lane_count) are not written nor counted.
module write_back #(
  parameter integer Lanes         = isa_pkg::LanesMin,
  parameter integer SlotPointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 1,
  parameter integer PointBits     = SlotPointBits + 1,  // of two slots
  parameter integer WidthBits     = $clog2(isa_pkg::WidthMax + 1),
  parameter integer BinBits       = $clog2(isa_pkg::HistogramBins)
) (
  input  logic                                             clk_i,
  input  logic                                             rst_ni,
  // settings
  input  logic                                             is_fp32_i,
  input  logic signed [PointBits-1:0]                      point_i,
  input  logic                                             relu_i,
  input  logic        [isa_pkg::FormatBits-1:0]            out_format_i,
  input  logic        [5:0]                                lane_first_i,
  input  logic        [5:0]                                lane_count_i,
  input  logic        [WidthBits-1:0]                      width_i,
  input  logic signed [SlotPointBits-1:0]                  q_i,
  input  logic        [isa_pkg::RoundingBits-1:0]          rounding_i,
  input  logic        [31:0]                               key_i,  // of random_key
  input  logic        [31:0]                               lane_stride_i,
  // rows
  input  logic                                             valid_i,
  input  logic                                             last_i,
  input  logic        [31:0]                               row_i,
  input  logic        [31:0]                               index_i,
  input  logic        [Lanes*isa_pkg::AccumulatorBits-1:0] values_i,
  // scratchpad
  output logic                                             o_we_o,
  output logic        [31:0]                               o_addr_o,  // lines
  output logic        [4*Lanes-1:0]                        o_be_o,
  output logic        [32*Lanes-1:0]                       o_wdata_o,
  output logic                                             last_o,
  // statistics: the lanes that are written, and what to count of each of them
  output logic        [Lanes-1:0]                          counted_o,
  output logic        [Lanes-1:0]                          zero_o,
  output logic        [Lanes*BinBits-1:0]                  bin_o,
  output logic        [Lanes-1:0]                          saturated_high_o,
  output logic        [Lanes-1:0]                          saturated_low_o,
  output logic        [Lanes-1:0]                          underflow_o
);
  localparam integer Bits = isa_pkg::AccumulatorBits;

  // Rows in stages 2 and 3.
  logic [1:0]  valid_q, last_q;
  logic [31:0] row2_q, row3_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      last_q  <= '0;
      row2_q  <= '0;
      row3_q  <= '0;
    end else begin
      valid_q <= {valid_q[0], valid_i};
      last_q  <= {last_q[0], valid_i && last_i};
      row2_q  <= row_i;
      row3_q  <= row2_q;
    end
  end

  logic [3:0] bytes;  // of every word
  logic [1:0] unused_sub;
  row_address u_address (
    .format_i (out_format_i),
    .row_i    (row3_q),
    .line_o   (o_addr_o),
    .sub_o    (unused_sub),
    .be_o     (bytes)
  );

  for (genvar j = 0; j < Lanes; j = j + 1) begin : gen_lane
    logic in_mask;
    assign in_mask          = lane_first_i <= 6'(j) && {1'b0, lane_first_i} + {1'b0, lane_count_i} > 7'(j);
    assign counted_o[j]     = valid_q[1] && in_mask;
    assign o_be_o[4*j +: 4] = in_mask ? bytes : '0;
    write_back_lane u_lane (
      .clk_i            (clk_i),
      .relu_enable_i    (valid_i),
      .shift_enable_i   (valid_q[0]),
      .value_i          (values_i[Bits*j +: Bits]),
      .index_i          (index_i + 32'(j) * lane_stride_i),
      .is_fp32_i        (is_fp32_i),
      .point_i          (point_i),
      .relu_i           (relu_i),
      .out_format_i     (out_format_i),
      .width_i          (width_i),
      .q_i              (q_i),
      .rounding_i       (rounding_i),
      .key_i            (key_i),
      .word_o           (o_wdata_o[32*j +: 32]),
      .zero_o           (zero_o[j]),
      .bin_o            (bin_o[BinBits*j +: BinBits]),
      .saturated_high_o (saturated_high_o[j]),
      .saturated_low_o  (saturated_low_o[j]),
      .underflow_o      (underflow_o[j])
    );
  end
  assign o_we_o = valid_q[1];
  assign last_o = last_q[1];
endmodule

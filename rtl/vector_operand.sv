// One operand of the vector unit as a row of binary32 a cycle: rows or one element for all lanes out of the
// scratchpad, or a scalar. Three stages: (1) in a cycle with next_i the address of the iteration; (2) its line,
// and each lane's word of it; (3) conversion. row_o follows the address by three cycles.
// kind, format, base and strides stay while the instruction runs. In the cycle of lookup_i the settings hold
// this operand's binary point and scalar.
module vector_operand #(
  parameter integer Lanes         = 16,
  parameter integer SlotPointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 1
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic [isa_pkg::OperandKindBits-1:0]   kind_i,
  input  logic [isa_pkg::FormatBits-1:0]        format_i,
  input  logic [31:0]                           base_i,     // rows; of a broadcast elements
  input  logic [isa_pkg::Loops*32-1:0]          strides_i,
  input  logic                                  lookup_i,
  input  logic signed [SlotPointBits-1:0]       q_i,
  input  logic [31:0]                           scalar_i,
  input  logic                                  start_i,    // as of address_generator
  input  logic                                  next_i,
  input  logic [isa_pkg::Loops-1:0]             step_i,
  output logic                                  re_o,
  output logic [31:0]                           addr_o,     // line
  input  logic [isa_pkg::WordBits*Lanes-1:0]    rdata_i,    // in the cycle after re_o
  output logic [32*Lanes-1:0]                   row_o
);
  localparam integer LaneBits = $clog2(Lanes);

  logic is_scalar, is_broadcast;
  assign is_scalar    = kind_i == isa_pkg::OperandKindScalar;
  assign is_broadcast = kind_i == isa_pkg::OperandKindBroadcast;

  logic signed [SlotPointBits-1:0] q_q;
  logic [31:0]                     scalar_q;
  always_ff @(posedge clk_i) begin
    if (lookup_i) begin
      q_q      <= q_i;
      scalar_q <= scalar_i;
    end
  end

  // Address: a line holds one, two or four rows.
  logic [31:0]         address, row;
  logic [LaneBits-1:0] lane, lane_q;
  logic [1:0]          sub, sub_q, convert_sub_q;
  logic [3:0]          unused_be;
  address_generator u_address (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (start_i),
    .next_i    (next_i),
    .step_i    (step_i),
    .base_i    (base_i),
    .strides_i (strides_i),
    .address_o (address)
  );
  assign row  = is_broadcast ? address >> LaneBits : address;
  assign lane = address[LaneBits-1:0];
  row_address u_row (.format_i(format_i), .row_i(row), .line_o(addr_o), .sub_o(sub), .be_o(unused_be));
  assign re_o = next_i && (is_broadcast || kind_i == isa_pkg::OperandKindRows);

  // Read: each lane's word.
  logic [31:0]         shared;  // by all lanes
  logic [32*Lanes-1:0] words_q;
  assign shared = is_scalar ? scalar_q : rdata_i[{lane_q, 5'b0} +: 32];
  always_ff @(posedge clk_i) begin
    lane_q        <= lane;
    sub_q         <= sub;
    convert_sub_q <= sub_q;
    words_q       <= is_scalar || is_broadcast ? {Lanes{shared}} : rdata_i;
  end

  // Convert. A scalar has its bits, whatever its operand's format.
  logic [isa_pkg::FormatBits-1:0] format;
  assign format = is_scalar ? isa_pkg::FormatFp32 : format_i;
  for (genvar j = 0; j < Lanes; j = j + 1) begin : gen_lane
    logic [31:0] converted;
    element_to_fp32 u_convert (
      .format_i (format),
      .word_i   (words_q[j*32 +: 32]),
      .sub_i    (convert_sub_q),
      .q_i      (q_q),
      .result_o (converted)
    );
    always_ff @(posedge clk_i) row_o[j*32 +: 32] <= converted;
  end
endmodule

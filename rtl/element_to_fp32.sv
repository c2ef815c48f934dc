// Element `sub` of a word (sub-element 0 in the least significant bits) as binary32, exactly: n * 2^(-q) of
// integers, the bits of fp32.
module element_to_fp32 #(
  parameter integer SlotPointBits = $clog2(isa_pkg::BinaryPointMax + 1) + 1
) (
  input  logic        [isa_pkg::FormatBits-1:0] format_i,
  input  logic        [isa_pkg::WordBits-1:0]   word_i,
  input  logic        [1:0]                     sub_i,
  input  logic signed [SlotPointBits-1:0]       q_i,
  output logic        [31:0]                    result_o
);
  logic [7:0]  byte_element;
  logic [15:0] half_element, n;
  logic [31:0] converted;
  assign byte_element = word_i[{sub_i, 3'b0} +: 8];
  assign half_element = word_i[{sub_i[0], 4'b0} +: 16];
  assign n            = format_i == isa_pkg::FormatInt8 ? 16'($signed(byte_element)) : half_element;
  int_to_fp32 #(.Width(16), .PointBits(SlotPointBits)) u_convert (
    .value_i  (n),
    .point_i  (q_i),
    .result_o (converted)
  );
  assign result_o = format_i == isa_pkg::FormatFp32 ? word_i : converted;
endmodule

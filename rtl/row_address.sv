// Row address to the line that holds the row, its place in each word of that line, and the bytes of a word
// there.
module row_address (
  input  logic [isa_pkg::FormatBits-1:0] format_i,
  input  logic [31:0]                    row_i,
  output logic [31:0]                    line_o,
  output logic [1:0]                     sub_o,  // which element of a word
  output logic [3:0]                     be_o    // its bytes
);
  logic int8, int16;
  assign int8   = format_i == isa_pkg::FormatInt8;
  assign int16  = format_i == isa_pkg::FormatInt16;
  assign line_o = int8 ? row_i >> 2 : int16 ? row_i >> 1 : row_i;
  assign sub_o  = int8 ? row_i[1:0] : int16 ? {1'b0, row_i[0]} : 2'd0;
  assign be_o   = int8 ? 4'b0001 << row_i[1:0] : int16 ? 4'b0011 << {row_i[0], 1'b0} : 4'b1111;
endmodule

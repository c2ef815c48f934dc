// Element sub_i of each word of a line, put at every place of the word: byte enables alone then decide where
// the row goes.
module row_spread #(
  parameter integer Lanes = 16
) (
  input  logic [isa_pkg::FormatBits-1:0]      format_i,
  input  logic [1:0]                          sub_i,
  input  logic [isa_pkg::WordBits*Lanes-1:0]  line_i,
  output logic [isa_pkg::WordBits*Lanes-1:0]  line_o
);
  localparam integer WordBits = isa_pkg::WordBits;

  logic                is_int8, is_int16;
  logic [4:0]          amount;
  logic [15:0]         element;
  assign is_int8  = format_i == isa_pkg::FormatInt8;
  assign is_int16 = format_i == isa_pkg::FormatInt16;
  assign amount   = is_int8 ? {sub_i, 3'b0} : {sub_i[0], 4'b0};
  always_comb begin
    line_o  = line_i;
    element = '0;
    if (is_int8 || is_int16) begin
      for (int k = 0; k < Lanes; k = k + 1) begin
        element = 16'(line_i[k*WordBits +: WordBits] >> amount);
        line_o[k*WordBits +: WordBits] = is_int8 ? {4{element[7:0]}} : {2{element[15:0]}};
      end
    end
  end
endmodule

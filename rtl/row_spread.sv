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

  for (genvar k = 0; k < Lanes; k = k + 1) begin : gen_lane
    logic [WordBits-1:0] word;
    logic [7:0]          byte_element;
    logic [15:0]         half_element;
    assign word         = line_i[k*WordBits +: WordBits];
    assign byte_element = word[{sub_i, 3'b0} +: 8];
    assign half_element = word[{sub_i[0], 4'b0} +: 16];
    assign line_o[k*WordBits +: WordBits] =
        format_i == isa_pkg::FormatInt8 ? {4{byte_element}} :
        format_i == isa_pkg::FormatInt16 ? {2{half_element}} : word;
  end
endmodule

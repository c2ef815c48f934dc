// The random word of one element: a function of the instruction's key and the element's index only.
module random_word (
  input  logic [31:0] key_i,
  input  logic [31:0] index_i,
  output logic [31:0] word_o
);
  mix u_mix (.value_i(index_i ^ key_i), .value_o(word_o));
endmodule

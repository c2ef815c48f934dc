// A bijection of 32-bit words, the step of all random words: `lowbias32` of C. Wellons, "Prospecting for Hash
// Functions" (2018).
module mix (
  input  logic [31:0] value_i,
  output logic [31:0] value_o
);
  logic [31:0] first, second;
  assign first   = (value_i ^ (value_i >> 16)) * 32'h7feb352d;
  assign second  = (first ^ (first >> 15)) * 32'h846ca68b;
  assign value_o = second ^ (second >> 16);
endmodule
